import pytest

from s4_runtime import SettingsError
from s4_support.settings import read

ENOUGH = {
    "S4_DATABASE_URL": "postgresql://s4@db.invalid/support",
    "S4_AMQP_URL": "amqp://mq.invalid",
    "S4_DEPLOYMENT": "test",
    "S4_LISTEN": "127.0.0.1:0",
    "S4_PUBLIC_URL": "https://support.example",
    "S4_OPERATOR_TOKENS": "ada:0123456789abcdef01234567",
    "S4_COOKIE_KEY": "a key",
}


def test_enough_is_enough() -> None:
    settings = read(ENOUGH)
    assert settings.is_https
    assert settings.origin == "https://support.example"
    assert settings.billing_operator_token is None


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"S4_OPERATOR_TOKENS": ""}, "S4_OPERATOR_TOKENS"),
        ({"S4_OPERATOR_TOKENS": "ada:short"}, "S4_OPERATOR_TOKENS"),
        ({"S4_PUBLIC_URL": "support.example"}, "S4_PUBLIC_URL"),
        ({"S4_BILLING_OPERATOR_URL": "http://billing.invalid"}, "S4_BILLING_OPERATOR_TOKEN"),
        ({"S4_BILLING_OPERATOR_TOKEN": "a-canary-token"}, "S4_BILLING_OPERATOR_URL"),
        ({"S4_EVENTS_KEPT": "PT0S"}, "S4_EVENTS_KEPT"),
        ({"S4_SESSION_AGE": "-PT1H"}, "S4_SESSION_AGE"),
    ],
)
def test_what_does_not_fit_is_named_and_not_shown(changed: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read(ENOUGH | changed)
    assert named in str(refused.value)
    assert "canary" not in str(refused.value)
