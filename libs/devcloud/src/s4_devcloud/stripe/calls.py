"""What a route is, and what its handler is given."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from s4_devcloud.stripe.problems import NotImplementedHere, invalid
from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire

_MOST_KEYS, _LONGEST_KEY, _LONGEST_VALUE = 50, 40, 500  # Stripe's limits on metadata
ANY_LIST = ("limit", "starting_after", "ending_before", "expand", "created")


@dataclass(frozen=True)
class Call:
    """One request that passed every check that its parameters' types allow."""

    tx: Transaction
    params: Wire
    names: Mapping[str, str]
    public_url: str


@dataclass(frozen=True)
class Route:
    """An operation of the API.

    `supports` names the parameters that have their effect here; `subscription_data.metadata` supports one child only.
    Any other parameter that the SDK knows is refused and counted instead of being silently ignored.
    """

    method: str
    path: str
    params: type
    handler: Callable[[Call], Wire]
    supports: tuple[str, ...] = ()

    def refuse_unsupported(self, params: Wire) -> None:
        """Raise NotImplementedHere for a parameter without effect."""
        known = {*self.supports, "expand"}
        for name, value in params.items():
            children = {known_name.partition(".")[2] for known_name in known if known_name.startswith(name + ".")}
            if children:
                for child in value if isinstance(value, dict) else {}:
                    if child not in children:
                        raise NotImplementedHere(f"{name}[{child}]", f"{name}[{child}]")
            elif name not in known:
                raise NotImplementedHere(f"the parameter {name}", name)


def merge_metadata(old: Wire, new: Wire | str) -> Wire:
    """Metadata after an update: an empty value removes its key, an empty whole removes them all."""
    if isinstance(new, str):
        return {}
    merged = {key: value for key, value in {**old, **new}.items() if value != ""}
    if len(merged) > _MOST_KEYS:
        raise invalid(f"Metadata can have at most {_MOST_KEYS} keys.", "metadata")
    for key, value in merged.items():
        if len(key) > _LONGEST_KEY or len(value) > _LONGEST_VALUE:
            raise invalid(
                f"Metadata keys can have up to {_LONGEST_KEY} characters, and values up to {_LONGEST_VALUE}.",
                f"metadata[{key}]",
            )
    return merged


def unset(value: object) -> object:
    """What is stored for a sent value: None for the empty string that unsets."""
    return None if value == "" else value
