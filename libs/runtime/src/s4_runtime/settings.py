"""Settings: one frozen struct per service, read once from the environment."""

import types
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from s4_runtime.errors import Permanent
from s4_runtime.release import tell_release
from s4_runtime.secret import Secret
from s4_runtime.spans import send_spans

PREFIX = "S4_"


class ServiceSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What every service is told. ``deployment`` names the installation in tags and metadata, such as "staging".

    ``revision`` is the release that the service is of, where one is known. ``traces_ratio`` of all stories are sent to
    ``traces_url``, a collector's address for OTLP over HTTP.
    """

    database_url: Secret
    amqp_url: Secret
    deployment: str
    revision: str = ""
    probes_listen: str = "127.0.0.1:0"
    log_level: str = "info"
    traces_url: str | None = None
    traces_ratio: float = 1.0


class SettingsError(Permanent):
    """The settings cannot be used. ``problems`` names every one of them, never a value."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("settings-unusable", count=len(problems))
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(["The settings cannot be used:", *(f"  - {problem}" for problem in self.problems)])


S = TypeVar("S", bound=msgspec.Struct)


def load(shape: type[S], environ: Mapping[str, str]) -> S:
    """Read ``shape`` from variables S4_FIELD, or from the file that S4_FIELD_FILE names.

    Lists are separated by commas or lines; durations are ISO 8601 ("PT5M"). Raises SettingsError, which names
    all that is missing, wrong or unknown at once.
    """
    hints = get_type_hints(shape)
    problems: list[str] = []
    values: dict[str, object] = {}
    for field in msgspec.structs.fields(shape):
        name = PREFIX + field.name.upper()
        try:
            text = _text(name, environ)
            if text is not None:
                values[field.name] = _convert(text, hints[field.name])
            elif field.required:
                problems.append(f"{name} is not set (nor {name}_FILE)")
        except ValueError as error:
            problems.append(f"{name} {error}")
    known = {PREFIX + field.name.upper() for field in msgspec.structs.fields(shape)}
    known |= {f"{name}_FILE" for name in known}
    problems += [
        f"{name} is not a setting" for name in sorted(environ) if name.startswith(PREFIX) and name not in known
    ]
    if problems:
        raise SettingsError(problems)
    settings = shape(**values)
    if isinstance(settings, ServiceSettings):
        tell_release(settings.deployment, settings.revision)
        send_spans(settings.traces_url, settings.traces_ratio)
    return settings


def _text(name: str, environ: Mapping[str, str]) -> str | None:
    path = environ.get(f"{name}_FILE")
    if path is None:
        return environ.get(name)
    if name in environ:
        raise ValueError(f"is set twice, also as {name}_FILE")
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise ValueError(f"cannot be read from the file that {name}_FILE names") from None


def _convert(text: str, wanted: Any) -> object:
    if get_origin(wanted) in {Union, types.UnionType}:
        if not text:
            return None
        (wanted,) = (kind for kind in get_args(wanted) if kind is not type(None))
    if get_origin(wanted) is list:
        (item,) = get_args(wanted)
        parts = [part.strip() for part in text.replace("\n", ",").split(",")]
        return [_convert(part, item) for part in parts if part]
    if wanted is Secret:
        if not text:
            raise ValueError("is empty")
        return Secret(text)
    if wanted is Path:
        return Path(text)
    return _scalar(text, wanted)


_EXPECTED: Mapping[object, str] = types.MappingProxyType(
    {bool: "true or false", int: "a whole number", float: "a number", timedelta: 'a duration such as "PT5M"'}
)


def _scalar(text: str, wanted: Any) -> object:
    try:
        return msgspec.convert(text, wanted, strict=False)
    except (msgspec.ValidationError, ValueError):
        raise ValueError(f"is not {_EXPECTED.get(wanted, 'one of the values it may have')}") from None
