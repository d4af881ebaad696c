"""What the support page is told."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from urllib.parse import urlsplit

from s4_runtime import Secret, ServiceSettings, SettingsError, load, operators


class Settings(ServiceSettings, frozen=True, kw_only=True):
    """Where operators open the page, never the public; ``operator_tokens`` are NAME:TOKEN, one for each of them.

    ``public_url`` is how their browsers name the page, ``cookie_key`` protects their sessions.
    ``billing_operator_url`` and ``billing_operator_token`` (one of billing's operators' tokens, the page's own) let
    it ask whose an id of Stripe's is. ``deeds_*``, ``looks_per_operator`` and ``wrong_tokens_per_address`` hold for
    one ``limit_window``. What happened longer ago than ``events_kept`` is forgotten, and messages that an operator
    dropped after ``dropped_kept``. The command ``s4`` asks at ``operator_listen``; ``operator_amqp_url`` is a user of
    the broker who may move every service's parked messages.
    """

    listen: str
    public_url: str
    operator_tokens: list[Secret]
    cookie_key: Secret
    session_age: timedelta = timedelta(hours=8)
    billing_operator_url: str = ""
    billing_operator_token: Secret | None = None
    wrong_tokens_per_address: int = 10
    deeds_per_account: int = 6
    deeds_per_operator: int = 60
    looks_per_operator: int = 60
    limit_window: timedelta = timedelta(hours=1)
    events_kept: timedelta = timedelta(days=400)
    prune_every: timedelta = timedelta(hours=1)
    operator_listen: str = "127.0.0.1:0"
    operator_amqp_url: Secret | None = None
    dropped_kept: timedelta = timedelta(days=30)

    @property
    def is_https(self) -> bool:
        """Whether operators reach the page over https."""
        return self.public_url.startswith("https://")

    @property
    def origin(self) -> str:
        """The page's origin as browsers write it."""
        parts = urlsplit(self.public_url)
        return f"{parts.scheme}://{parts.netloc}".lower()


def read(environ: Mapping[str, str]) -> Settings:
    """The settings, if they can be used together. Raises SettingsError."""
    settings = load(Settings, environ)
    problems = list(_problems(settings))
    if problems:
        raise SettingsError(problems)
    return settings


def _problems(settings: Settings) -> Iterator[str]:
    yield from operators.problems(settings.operator_tokens)
    if not settings.operator_tokens:
        yield "S4_OPERATOR_TOKENS is empty: nobody could sign in"
    parts = urlsplit(settings.public_url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        yield "S4_PUBLIC_URL is not an http or https address"
    if bool(settings.billing_operator_url) != bool(settings.billing_operator_token):
        yield "S4_BILLING_OPERATOR_URL and S4_BILLING_OPERATOR_TOKEN must be set together"
    for name in ("session_age", "limit_window", "events_kept", "prune_every", "dropped_kept"):
        if getattr(settings, name) <= timedelta():
            yield f"S4_{name.upper()} must be longer than nothing"
