"""What billing refuses to run with."""

from datetime import timedelta

import pytest

from s4_billing.settings import read
from s4_runtime import SettingsError

RIGHT = {
    "S4_DATABASE_URL": "postgresql://x",
    "S4_AMQP_URL": "amqp://x",
    "S4_DEPLOYMENT": "staging",
    "S4_SERVICE_TOKEN": "token",
    "S4_STRIPE_SECRET_KEY": "sk_test_abcdef",
    "S4_STRIPE_WEBHOOK_SECRETS": "whsec_one,whsec_two",
    "S4_PUBLIC_URL": "https://s4.example.org",
}


def problems(**changes: str) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        read({**RIGHT, **changes})
    return refused.value.problems


def test_the_right_settings_are_read() -> None:
    settings = read({**RIGHT, "S4_GRACE": "P7D"})
    assert [secret.reveal() for secret in settings.stripe_webhook_secrets] == ["whsec_one", "whsec_two"]
    assert settings.grace == timedelta(days=7)
    assert not settings.is_live
    assert "sk_test" not in repr(settings)
    assert "whsec" not in repr(settings)


@pytest.mark.parametrize("url", ["http://api.stripe.com", "https://api.stripe.com", "http://127.0.0.1:1"])
def test_a_live_key_refuses_every_address_that_is_set_even_a_right_one(url: str) -> None:
    told = problems(S4_STRIPE_SECRET_KEY="sk_live_abc", S4_STRIPE_API_URL=url)
    assert told == ["S4_STRIPE_API_URL must not be set with a live key"]


@pytest.mark.parametrize("key", ["sk_live_abc", "rk_live_abc"])
def test_a_live_key_is_used_with_stripes_own_address_only(key: str) -> None:
    told = problems(S4_STRIPE_SECRET_KEY=key, S4_STRIPE_API_URL="https://elsewhere.example.org")
    assert told == ["S4_STRIPE_API_URL must not be set with a live key"]
    assert read({**RIGHT, "S4_STRIPE_SECRET_KEY": key}).is_live


def test_a_live_key_needs_a_site_that_is_encrypted() -> None:
    told = problems(S4_STRIPE_SECRET_KEY="sk_live_abc", S4_PUBLIC_URL="http://s4.example.org")
    assert told == ["S4_PUBLIC_URL must be https with a live key"]


def test_a_test_key_is_not_for_production() -> None:
    assert "test key" in problems(S4_DEPLOYMENT="production")[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("S4_STRIPE_SECRET_KEY", "pk_test_abc"),
        ("S4_STRIPE_SECRET_KEY", "whatever"),
        ("S4_STRIPE_WEBHOOK_SECRETS", ", ,"),
        ("S4_STRIPE_WEBHOOK_SECRETS", "whsec_one,sk_test_abcdef"),
        ("S4_CHECKOUTS_PER_ADDRESS", "0"),
        ("S4_CHECKOUTS_PER_EMAIL", "-1"),
        ("S4_CHECKOUTS_PER_ACCOUNT", "0"),
        ("S4_CHECKOUTS_PER_HOUR", "many"),
        ("S4_RETENTION", "-P1D"),
        ("S4_STRIPE_API_URL", "localhost:1"),
        ("S4_PUBLIC_URL", "javascript:alert(1)"),
        ("S4_PUBLIC_URL", "https://s4.example.org/?a=b"),
        ("S4_PUBLIC_URL", "https://"),
        ("S4_CHECKOUT_LIFETIME", "PT30M"),
        ("S4_CHECKOUT_LIFETIME", "PT25H"),
        ("S4_GRACE", "soon"),
        ("S4_NO_SUCH_SETTING", "1"),
    ],
)
def test_a_wrong_setting_is_named_and_its_value_is_not(name: str, value: str) -> None:
    (told,) = problems(**{name: value})
    assert name in told
    assert not name.endswith("KEY") or value not in told


def test_all_problems_are_told_at_once() -> None:
    told = problems(S4_STRIPE_SECRET_KEY="x", S4_PUBLIC_URL="y", S4_CHECKOUT_LIFETIME="PT1M")
    assert len(told) == 3
