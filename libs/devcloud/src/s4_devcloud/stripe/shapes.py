"""What each parameter may hold, read from the installed SDK's own types.

The SDK describes every request as a TypedDict. Reading those at run time means that this server follows the SDK that
the services use, and that no copy of Stripe's schema is kept here.
"""

import functools
import sys
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeAlias, Union, get_args, get_origin

import typing_extensions
from stripe import RequestOptions


@dataclass(frozen=True)
class Scalar:
    """One value: str, int, float or bool."""

    type: type


@dataclass(frozen=True)
class Choice:
    """One of these words; the empty word unsets."""

    words: tuple[str, ...]


@dataclass(frozen=True)
class Many:
    """A list."""

    item: "Shape"


@dataclass(frozen=True)
class Table:
    """Keys of the caller's choosing, such as metadata."""

    value: "Shape"


@dataclass(frozen=True)
class Field:
    """One name in a record."""

    shape: "Shape"
    required: bool


@dataclass(frozen=True)
class Record:
    """Exactly these names."""

    fields: Mapping[str, Field]


@dataclass(frozen=True)
class Either:
    """Any one of these."""

    options: tuple["Shape", ...]


Shape: TypeAlias = Scalar | Choice | Many | Table | Record | Either


@functools.cache
def record_of(params: type) -> Record:
    """The shape of one of the SDK's parameter types, without the options that travel as headers."""
    own = {name: hint for name, hint in params.__annotations__.items() if name not in RequestOptions.__annotations__}
    holder = type("Holder", (), {"__annotations__": own})
    hints = typing.get_type_hints(holder, vars(sys.modules[params.__module__]), include_extras=True)
    return Record({name: _field(hint) for name, hint in hints.items()})


def _field(hint: Any) -> Field:
    if get_origin(hint) in (typing.NotRequired, typing_extensions.NotRequired):
        return Field(_shape(get_args(hint)[0]), required=False)
    return Field(_shape(hint), required=True)


def _shape(hint: Any) -> Shape:  # noqa: PLR0911  one return for each kind of type
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _either(arguments)
    if origin is typing.Literal or origin is typing_extensions.Literal:
        return Choice(tuple(map(str, arguments)))
    if origin is list:
        return Many(_shape(arguments[0]))
    if origin is dict:
        return Table(_shape(arguments[1]))
    if typing_extensions.is_typeddict(hint):
        return record_of(hint)
    if hint in (float, Decimal):
        return Scalar(float)
    if hint in (str, int, bool):
        return Scalar(hint)
    raise TypeError(f"the SDK has a parameter type this server cannot read: {hint}")


def _either(arguments: tuple[Any, ...]) -> Shape:
    """One shape for a union. The SDK widens each choice of words by `str`; the API does not, so that is taken back."""
    known = [hint for hint in arguments if hint is not type(None) and not _is_sdk_object(hint)]
    shapes = [_shape(hint) for hint in known]
    words = tuple(word for shape in shapes if isinstance(shape, Choice) for word in shape.words)
    others = [shape for shape in shapes if not isinstance(shape, Choice)]
    if any(words):
        others = [shape for shape in others if shape != Scalar(str)]
    options = ([Choice(words)] if words else []) + others
    return options[0] if len(options) == 1 else Either(tuple(options))


def _is_sdk_object(hint: Any) -> bool:
    """Whether the type is one of the SDK's response classes, which it lets callers pass back in as a dictionary."""
    return getattr(get_origin(hint) or hint, "__name__", "") == "UntypedStripeObject"
