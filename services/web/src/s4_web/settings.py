"""What the site is told."""

from datetime import timedelta

import msgspec

from s4_runtime import Secret
from s4_web.promises import Promises

_STRIPE = "https://checkout.stripe.com https://js.stripe.com https://api.stripe.com https://hooks.stripe.com"
_PORTAL = "https://billing.stripe.com https://invoice.stripe.com https://pay.stripe.com https://files.stripe.com"


class Settings(Promises, frozen=True, kw_only=True):
    """Settings of the web service; every duration is ISO 8601, every address of ours comes from here.

    ``checkout_origins`` are the pages a person may be sent to for paying: the content policy names them, because
    browsers apply form-action to the redirect after our POST too; ``portal_origins`` are the same for cards, bills and
    their PDFs. ``recent_sign_in`` is how old a sign-in may be for what is not easily undone. ``trusted_proxies`` are
    networks whose X-Forwarded-For is believed. ``capacity_believed`` is for how long a plan stays sold out without
    a new report. A live stream ends after ``stream_quiet`` without news, and is opened anew after ``stream_age``;
    ``streams_per_...`` are open at one replica at most.
    """

    listen: str
    public_url: str
    billing_url: str
    billing_token: Secret
    provisioner_url: str
    provisioner_token: Secret
    invites_url: str
    invites_token: Secret
    cookie_key: Secret
    claim_public_key: str
    stripe_publishable_key: str
    stripe_js_url: str = "https://js.stripe.com/dahlia/stripe.js"
    checkout_origins: list[str] = msgspec.field(default_factory=_STRIPE.split)
    portal_origins: list[str] = msgspec.field(default_factory=_PORTAL.split)
    mail_from: str
    trusted_proxies: list[str] = msgspec.field(default_factory=list)
    signups_per_address: int = 20
    signups_per_email: int = 10
    letters_per_grid: int = 5
    furls_per_grid: int = 10
    invites_per_grid: int = 10
    sign_ins_per_address: int = 20
    sign_ins_per_email: int = 5
    email_changes_per_person: int = 5
    exports_per_grid: int = 20
    email_change_open: timedelta = timedelta(hours=24)
    session_age: timedelta = timedelta(days=30)
    recent_sign_in: timedelta = timedelta(minutes=15)
    limit_window: timedelta = timedelta(hours=1)
    plans_kept: timedelta = timedelta(seconds=30)
    capacity_believed: timedelta = timedelta(hours=3)
    heartbeat: timedelta = timedelta(seconds=15)
    stream_quiet: timedelta = timedelta(minutes=10)
    stream_age: timedelta = timedelta(hours=1)
    streams_per_browser: int = 10
    streams_per_address: int = 200
    streams_per_replica: int = 5000
    reread_window: timedelta = timedelta(minutes=10)
