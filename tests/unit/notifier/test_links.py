import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from s4_notifier.links import ClaimKeyUnusable, Links
from s4_notifier.settings import Settings
from s4_runtime import Secret


def pem_of_another_kind() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def settings_with(key: str) -> Settings:
    return Settings(
        database_url=Secret("unused"),
        amqp_url=Secret("unused"),
        deployment="test",
        smtp_host="mail.example",
        smtp_port=587,
        smtp_user="letters",
        smtp_password=Secret("unused"),
        mail_from="S4 <hello@s4.example>",
        public_url="https://s4.example",
        claim_private_key=Secret(key),
    )


BROKEN = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"


@pytest.mark.parametrize("text", ["", "not a key", BROKEN, pem_of_another_kind()])
def test_a_key_of_the_wrong_kind_stops_the_start_without_being_shown(text: str) -> None:
    with pytest.raises(ClaimKeyUnusable) as refused:
        Links(settings_with(text))
    assert str(refused.value) == "claim-private-key-unusable"
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
