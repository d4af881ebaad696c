"""What the support page is told."""

from datetime import timedelta

from s4_runtime import Secret, ServiceSettings


class Settings(ServiceSettings, frozen=True, kw_only=True):
    """Where operators open the page, never the public; ``operator_tokens`` are NAME:TOKEN, one for each of them.

    ``cookie_key`` protects their sessions.
    """

    listen: str
    operator_tokens: list[Secret]
    cookie_key: Secret
    session_age: timedelta = timedelta(hours=8)
