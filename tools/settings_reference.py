"""The settings of every service as one page: ``python tools/settings_reference.py docs/reference/settings.md``."""

import sys
import types
from datetime import timedelta
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec

from s4_billing.settings import Settings as Billing
from s4_invites.settings import Settings as Invites
from s4_notifier.settings import Settings as Notifier
from s4_provisioner.settings import Settings as Provisioner
from s4_runtime import Secret, ServiceSettings
from s4_runtime.settings import PREFIX
from s4_support.settings import Settings as Support
from s4_web.settings import Settings as Web

SERVICES: dict[str, type[ServiceSettings]] = {
    "web": Web,
    "billing": Billing,
    "provisioner": Provisioner,
    "notifier": Notifier,
    "invites": Invites,
    "support": Support,
}
HEAD = """# Settings

Written by `make schema` from the services' own settings; a test keeps it true.

A setting comes from the environment variable of its name, or from the file that the name with `_FILE` behind it names
(the way for secrets). Durations are ISO 8601 (`PT5M`), lists are separated by commas or lines. A service that is told
something wrong, unknown or not enough does not start: it names all that is wrong at once and ends with status 78.
"""


def page() -> str:
    """The page as Markdown: what all services have in common, then a table for each."""
    common = {field.name for field in msgspec.structs.fields(ServiceSettings)}
    parts = [HEAD, "## All services\n", *table(ServiceSettings, set())]
    for name, settings in SERVICES.items():
        parts += [f"\n## {name}\n", *table(settings, common)]
    return "\n".join(parts) + "\n"


def table(settings: type[ServiceSettings], left_out: set[str]) -> list[str]:
    """One row a setting."""
    hints = get_type_hints(settings)
    rows = [
        f"| `{PREFIX}{field.name.upper()}` | {kind(hints[field.name])} | {default(field)} |"
        for field in msgspec.structs.fields(settings)
        if field.name not in left_out
    ]
    return ["| setting | kind | default |", "|---|---|---|", *rows]


def kind(hint: Any) -> str:
    """What a person may write there."""
    if get_origin(hint) in {Union, types.UnionType}:
        return " or ".join(kind(part) for part in get_args(hint) if part is not type(None))
    if get_origin(hint) is list:
        return f"list of {kind(get_args(hint)[0])}s"
    names = {
        str: "text",
        int: "number",
        float: "number",
        bool: "true or false",
        timedelta: "duration",
        Path: "path",
        Secret: "secret",
    }
    return names[hint]


def default(field: msgspec.structs.FieldInfo) -> str:
    """The default as one would write it; "required" when there is none."""
    if field.required:
        return "required"
    value = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
    if value is None or value in ("", []):
        return "none"
    if isinstance(value, timedelta):
        return f"`{msgspec.to_builtins(value)}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{','.join(value)}`" if isinstance(value, list) else f"`{value}`"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
