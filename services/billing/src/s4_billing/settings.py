"""What billing is told, and what it refuses to run with."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from s4_billing.derive import Policy
from s4_runtime import Secret, ServiceSettings, SettingsError, load, operators
from s4_stripe.access import PER_SECOND, Access

# docs.stripe.com/api/checkout/sessions/create, expires_at: 30 minutes to 24 hours after creation.
SHORTEST_CHECKOUT = timedelta(minutes=30)
LONGEST_CHECKOUT = timedelta(hours=24)


class Settings(ServiceSettings, frozen=True, kw_only=True):
    """The secrets and addresses come from the operator; the rest has the values we run with."""

    listen: str = "127.0.0.1:0"
    service_token: Secret
    stripe_secret_key: Secret
    stripe_webhook_secrets: list[Secret]
    stripe_api_url: str = ""
    public_url: str
    catalogue: Path | None = None
    stripe_tax: bool = False
    stripe_timeout: timedelta = timedelta(seconds=20)
    stripe_calls_per_second: float = PER_SECOND
    person_patience: timedelta = timedelta(seconds=8)
    checkout_lifetime: timedelta = timedelta(minutes=45)
    # How many checkouts an address may open in an hour and an e-mail in a day, how many sessions an account may have
    # made in a day, and all together in an hour.
    checkouts_per_address: int = 5
    checkouts_per_email: int = 3
    checkouts_per_account: int = 20
    checkouts_per_hour: int = 200
    capacity_believed: timedelta = timedelta(hours=3)  # for how long a report that a plan is full keeps it from sale
    stripe_portal_configuration: str = ""  # what customers may do in the portal; Stripe's default one if empty
    preview_lifetime: timedelta = timedelta(minutes=15)
    grace: timedelta = timedelta(days=14)
    retention: timedelta = timedelta(days=30)
    suspend_on_fraud: bool = True
    catalogue_every: timedelta = timedelta(minutes=5)
    reconcile_every: timedelta = timedelta(minutes=10)
    reconcile_hourly: timedelta = timedelta(hours=1)
    reconcile_nightly: timedelta = timedelta(hours=24)
    drift_apply: bool = False
    settle_every: timedelta = timedelta(seconds=30)
    # Operators: each is named NAME:TOKEN; above the limit (minor units) a refund needs a second one of them.
    operator_listen: str = "127.0.0.1:0"
    operator_tokens: list[Secret] = []
    refund_limit: int = 20_000

    @property
    def stripe(self) -> Access:
        """How Stripe is reached."""
        return Access(
            secret_key=self.stripe_secret_key,
            api_url=self.stripe_api_url,
            timeout=self.stripe_timeout,
            per_second=self.stripe_calls_per_second,
        )

    @property
    def policy(self) -> Policy:
        """For how long who does not pay is served, and what is stored is kept."""
        return Policy(grace=self.grace, retention=self.retention, suspend_on_fraud=self.suspend_on_fraud)

    @property
    def is_live(self) -> bool:
        """Whether the key moves real money."""
        return "_live_" in self.stripe_secret_key.reveal()


def read(environ: Mapping[str, str]) -> Settings:
    """The settings, if they can be used together. Raises SettingsError."""
    settings = load(Settings, environ)
    problems = list(_problems(settings))
    if problems:
        raise SettingsError(problems)
    return settings


def _problems(settings: Settings) -> Iterator[str]:
    key = settings.stripe_secret_key.reveal()
    if not key.startswith(("sk_test_", "rk_test_", "sk_live_", "rk_live_")):
        yield "S4_STRIPE_SECRET_KEY is not a secret or restricted key of Stripe"
    if settings.is_live and settings.stripe_api_url:
        yield "S4_STRIPE_API_URL must not be set with a live key"
    if not settings.is_live and settings.deployment == "production":
        yield "S4_STRIPE_SECRET_KEY is a test key, but S4_DEPLOYMENT is production"
    if not settings.stripe_webhook_secrets:
        yield "S4_STRIPE_WEBHOOK_SECRETS is empty"
    if not all(secret.reveal().startswith("whsec_") for secret in settings.stripe_webhook_secrets):
        yield "S4_STRIPE_WEBHOOK_SECRETS has one that is not a signing secret of Stripe"
    if settings.stripe_api_url and not _is_http(settings.stripe_api_url):
        yield "S4_STRIPE_API_URL is not an http or https address"
    if not _is_http(settings.public_url):
        yield "S4_PUBLIC_URL is not an http or https address"
    elif settings.is_live and not settings.public_url.startswith("https://"):
        yield "S4_PUBLIC_URL must be https with a live key"
    yield from operators.problems(settings.operator_tokens)
    yield from _limit_problems(settings)


def _limit_problems(settings: Settings) -> Iterator[str]:
    if not SHORTEST_CHECKOUT < settings.checkout_lifetime <= LONGEST_CHECKOUT:
        yield "S4_CHECKOUT_LIFETIME must be longer than PT30M and at most PT24H"
    for name in ("address", "email", "account", "hour"):
        if getattr(settings, f"checkouts_per_{name}") < 1:
            yield f"S4_CHECKOUTS_PER_{name.upper()} must be at least 1"
    for name in ("grace", "retention"):
        if getattr(settings, name) < timedelta():
            yield f"S4_{name.upper()} must not be negative"


def _is_http(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and not parts.query and not parts.fragment
