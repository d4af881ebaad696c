import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = ("web", "billing", "provisioner", "notifier", "invites", "support")
ONLY = {
    "stripe": "billing",
    "aiosmtpd": "notifier",
    "aiobotocore": "provisioner",
    "botocore": "provisioner",
    "asyncssh": "provisioner",
}
NOBODY = ("tahoe-lafs", "twisted", "moto", "boto3", "pytest", "playwright")


def pins(name: str) -> dict[str, str]:
    """Versions of what one service installs."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    return dict(re.findall(r"^([a-z0-9._-]+)(?:\[[a-z0-9,]+\])?==([^\s;]+)", text, flags=re.MULTILINE))


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_installs_only_what_is_its_own(service: str) -> None:
    installed = pins(service)
    assert len(installed) > 15
    assert [name for name, owner in ONLY.items() if owner != service and name in installed] == []
    assert [name for name in NOBODY if name in installed] == []


@pytest.mark.parametrize("service", SERVICES)
def test_what_a_service_asks_for_is_pinned_and_the_same_everywhere(service: str) -> None:
    [file] = [*ROOT.glob(f"services/{service}/pyproject.toml"), *ROOT.glob(f"libs/{service}/pyproject.toml")]
    project = tomllib.loads(file.read_text())["project"]
    asked = {re.split(r"[\[<>=~ ]", name)[0].lower().replace("_", "-") for name in project["dependencies"]}
    installed, everything = pins(service), pins("dev")
    assert {name for name in asked if not name.startswith("s4-")} <= installed.keys()
    assert {name: everything.get(name) for name in installed} == installed
