"""How an account at Stripe is reached."""

from datetime import timedelta

import msgspec

from s4_runtime import Secret

PER_SECOND = 20  # a sandbox allows 25/s, a live account 100/s (docs.stripe.com/rate-limits)


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """The key, and the pace. ``api_url`` is set only where something else stands in Stripe's place."""

    secret_key: Secret
    api_url: str = ""
    timeout: timedelta = timedelta(seconds=20)
    per_second: float = PER_SECOND
