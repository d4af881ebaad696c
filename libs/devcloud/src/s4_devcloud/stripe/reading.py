"""Values from a form, checked against a shape."""

from typing import Any, assert_never

from s4_devcloud.stripe.forms import Raw
from s4_devcloud.stripe.problems import Problem, invalid, missing
from s4_devcloud.stripe.shapes import Choice, Either, Many, Record, Scalar, Shape, Table
from s4_devcloud.stripe.wire import Wire


def read_record(record: Record, raw: Raw, prefix: str = "") -> Wire:
    """The typed parameters. Raises Problem for an unknown name, a missing one, or a value of the wrong type."""
    for name in raw:
        if name not in record.fields:
            param = _nested(prefix, name)
            raise invalid(f"Received unknown parameter: {param}", param, "parameter_unknown")
    for name, field in record.fields.items():
        if field.required and name not in raw:
            raise missing(_nested(prefix, name))
    return {name: _read(record.fields[name].shape, value, _nested(prefix, name)) for name, value in raw.items()}


def _nested(prefix: str, name: str) -> str:
    return f"{prefix}[{name}]" if prefix else name


def _read(shape: Shape, raw: str | Raw, param: str) -> Any:
    match shape:
        case Scalar(type=kind):
            return _scalar(kind, raw, param)
        case Choice(words=words):
            if not isinstance(raw, str) or raw not in words:
                raise invalid(f"Invalid {param}: must be one of {_sentence(words)}", param)
            return raw
        case Many(item=item):
            return [_read(item, value, f"{param}[{index}]") for index, value in enumerate(_items(raw, param))]
        case Table(value=value_shape):
            return {name: _table_value(value_shape, value, f"{param}[{name}]") for name, value in _group(raw, param)}
        case Record():
            return read_record(shape, dict(_group(raw, param)), param)
        case Either(options=options):
            return _either(options, raw, param)
        case _:
            assert_never(shape)


def _table_value(shape: Shape, raw: str | Raw, param: str) -> Any:
    """A value under a key of the caller's choosing; an empty one removes the key."""
    return "" if raw == "" else _read(shape, raw, param)


def _either(options: tuple[Shape, ...], raw: str | Raw, param: str) -> Any:
    """The first option that fits; when none does, what is wrong with the one that looked most alike."""
    problem: Problem | None = None
    for option in options:
        is_group = isinstance(option, Many | Table | Record)
        try:
            return _read(option, raw, param)
        except Problem as found:
            if problem is None or is_group == isinstance(raw, dict):
                problem = found
    if problem is None:
        raise TypeError("a union without options")
    raise problem


def _scalar(kind: type, raw: str | Raw, param: str) -> str | int | float | bool:
    if not isinstance(raw, str):
        raise invalid(f"Invalid {param}: expected a single value.", param)
    if raw == "":
        raise invalid(
            f"You passed an empty string for '{param}'. We assume empty values are an attempt to unset a parameter; "
            f"however '{param}' cannot be unset. You should remove '{param}' from your request or supply a "
            "non-empty value.",
            param,
            "parameter_invalid_empty",
        )
    if kind is bool:
        if raw not in ("true", "false"):
            raise invalid(f"Invalid boolean: {raw}", param)
        return raw == "true"
    if kind is str:
        return raw
    try:
        return int(raw) if kind is int else float(raw)
    except ValueError:
        code = "parameter_invalid_integer" if kind is int else None
        raise invalid(f"Invalid {'integer' if kind is int else 'number'}: {raw}", param, code) from None


def _items(raw: str | Raw, param: str) -> list[str | Raw]:
    if not isinstance(raw, dict) or not all(key.isdigit() for key in raw):
        raise invalid("Invalid array", param)
    return [raw[key] for key in sorted(raw, key=int)]


def _group(raw: str | Raw, param: str) -> list[tuple[str, str | Raw]]:
    if not isinstance(raw, dict):
        raise invalid("Invalid object", param)
    return list(raw.items())


def _sentence(words: tuple[str, ...]) -> str:
    named = [word for word in words if word]
    return "".join(named) if len(named) < 2 else f"{', '.join(named[:-1])}, or {named[-1]}"
