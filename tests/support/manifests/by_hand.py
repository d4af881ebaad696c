"""The Secrets of a developer's cluster, as the documented command makes them."""

import importlib.util
from datetime import UTC, datetime
from functools import cache

from support.manifests.rendering import ROOT


@cache
def local_secrets() -> dict[str, dict[str, str]]:
    """Each Secret's keys and texts."""
    spec = importlib.util.spec_from_file_location("local_secrets", ROOT / "tools" / "local_secrets.py")
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    stripe = {"publishable-key": "pk_test_one", "secret-key": "sk_test_one", "webhook-secret": "whsec_one"}
    smtp = {"password": "word", "ca": "certificate"}
    made: dict[str, dict[str, str]] = tool.everything(stripe, smtp, "[default]\n", datetime.now(UTC))
    return made
