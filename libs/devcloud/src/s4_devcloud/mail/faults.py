"""Refusals on order."""

import msgspec


class Fault(msgspec.Struct):
    """Answer ``reply`` (an SMTP reply line) to the next ``times`` commands of stage ``at``.

    With ``recipient`` only letters to that address are meant.
    """

    reply: str
    times: int = 1
    at: str = "data"
    recipient: str = ""


class Faults:
    """The refusals that are still due."""

    def __init__(self) -> None:
        self._due: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """From now on the fault is due."""
        self._due.append(fault)

    def clear(self) -> None:
        """Nothing is refused any more."""
        self._due.clear()

    def take(self, stage: str, recipients: list[str]) -> str | None:
        """The reply that this command gets instead of the good one, if a fault is due for it."""
        for fault in self._due:
            meant = not fault.recipient or fault.recipient in recipients
            if fault.at == stage and meant and fault.times > 0:
                fault.times -= 1
                return fault.reply
        return None
