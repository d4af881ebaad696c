"""What a service cannot do for now, and why: in its log when it changes, and in its metrics as long as it lasts."""

from prometheus_client import Gauge

from s4_runtime.errors import Trouble
from s4_runtime.logs import get_logger

OUTAGE = Gauge("s4_outage", "1 while this part cannot do its work for the reason in code.", ["part", "code"])
_known: dict[str, Trouble] = {}


def out(part: str, trouble: Trouble) -> bool:
    """The part is out for this reason. True when that is news."""
    before = _known.get(part)
    _known[part] = trouble
    if before is not None and before.code != trouble.code:
        OUTAGE.remove(part, before.code)
    OUTAGE.labels(part, trouble.code).set(1)
    return before is None or str(before) != str(trouble)


def back(part: str) -> bool:
    """The part does its work. True when that is news."""
    before = _known.pop(part, None)
    if before is not None:
        OUTAGE.remove(part, before.code)
    return before is not None


def tell(part: str, trouble: Trouble | None) -> None:
    """Note it, and log the change if there is one: ``PART.out`` with a code, ``PART.back``."""
    if trouble is None:
        if back(part):
            get_logger().info(f"{part}.back")
    elif out(part, trouble):
        get_logger().warning(f"{part}.out", code=trouble.code, **trouble.ids)
