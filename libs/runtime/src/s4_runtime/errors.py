"""The two kinds of trouble. A subclass sits next to its raiser."""

from datetime import timedelta


class Trouble(Exception):
    """What went wrong, as a stable code and ids. The text is safe to log: no sentence, no secret."""

    def __init__(self, code: str, **ids: str | int) -> None:
        super().__init__(" ".join([code, *(f"{name}={value}" for name, value in ids.items())]))
        self.code = code
        self.ids = ids


class Temporary(Trouble):
    """The world may heal: try again, not before ``retry_after`` if it is given."""

    def __init__(self, code: str, *, retry_after: timedelta | None = None, **ids: str | int) -> None:
        super().__init__(code, **ids)
        self.retry_after = retry_after


class Permanent(Trouble):
    """Trying again changes nothing: a person must look."""
