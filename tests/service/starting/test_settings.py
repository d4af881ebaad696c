"""What a service is told wrongly is named, all at once, before it does anything."""

import socket

from service.starting.program import ANY_SERVICE, EVERY_SERVICE, UNUSABLE, Program

CANARY = "canary-b6c1f0e2d7"
# One setting of each service that is not text, and a text that it cannot be.
NOT_TEXT = {
    "web": "S4_HEARTBEAT",
    "billing": "S4_GRACE",
    "provisioner": "S4_CONCURRENCY",
    "notifier": "S4_SMTP_PORT",
    "invites": "S4_INVITE_LIFETIME",
    "support": "S4_SESSION_AGE",
}
# A key of each service, which has a form.
KEYS = {
    "web": "S4_CLAIM_PUBLIC_KEY",
    "billing": "S4_STRIPE_SECRET_KEY",
    "provisioner": "S4_SEAL_KEY",
    "notifier": "S4_CLAIM_PRIVATE_KEY",
    "invites": "S4_SEAL_KEY",
    "support": "S4_OPERATOR_TOKENS",
}


@ANY_SERVICE
async def test_everything_that_is_missing_is_named_at_once(nowhere: Program) -> None:
    ending = await nowhere.told(*nowhere.settings).ends()
    assert ending.code == UNUSABLE, ending.text
    assert {name for name in nowhere.needed() if f"{name} is not set" not in ending.text} == set()
    assert "Traceback" not in ending.text


@EVERY_SERVICE
async def test_missing_wrong_doubled_unreadable_and_unknown_settings_are_named_together_and_no_value_is_shown(
    nowhere: Program,
) -> None:
    changes = {"S4_AMQP_URL_FILE": f"/nowhere/{CANARY}", "S4_DATABSE_URL": CANARY, NOT_TEXT[nowhere.service]: CANARY}
    changed = nowhere.told("S4_DEPLOYMENT", "S4_AMQP_URL", **changes)
    twice = {"S4_DATABASE_URL": f"postgresql://s4:{CANARY}@127.0.0.1:1/s4"}
    ending = await Program(nowhere.service, {**changed.settings, **twice}, nowhere.folder).ends("migrate")
    assert ending.code == UNUSABLE, ending.text
    assert "S4_DEPLOYMENT is not set" in ending.text
    assert "S4_AMQP_URL cannot be read from the file that S4_AMQP_URL_FILE names" in ending.text
    assert "S4_DATABSE_URL is not a setting" in ending.text
    assert f"{NOT_TEXT[nowhere.service]} is not a" in ending.text
    assert "S4_DATABASE_URL is set twice, also as S4_DATABASE_URL_FILE" in ending.text
    assert CANARY not in ending.text
    assert "Traceback" not in ending.text


@EVERY_SERVICE
async def test_a_key_that_is_none_is_named_and_not_shown(migrated: Program) -> None:
    name = KEYS[migrated.service]
    ending = await migrated.told(**{name: CANARY}).ends()
    assert ending.code == UNUSABLE, ending.text
    assert name.removeprefix("S4_").lower() in ending.text.lower().replace("-", "_")
    assert CANARY not in ending.text
    assert "Traceback" not in ending.text


@ANY_SERVICE
async def test_a_port_that_another_program_has_is_named(migrated: Program) -> None:
    name = "S4_LISTEN" if "S4_LISTEN" in migrated.settings else "S4_PROBES_LISTEN"
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        ending = await migrated.told(**{name: address}).ends()
    assert ending.code == UNUSABLE, ending.text
    assert "address-in-use" in ending.text
    assert address in ending.text
    assert "Traceback" not in ending.text


@ANY_SERVICE
async def test_a_database_that_is_not_migrated_names_the_command_that_mends_it(unmigrated: Program) -> None:
    ending = await unmigrated.ends()
    assert ending.code == UNUSABLE, ending.text
    assert "database-not-migrated" in ending.text
    assert f"python -m s4_{unmigrated.service} migrate" in ending.text
    assert (await unmigrated.ends("migrate")).code == 0
    async with unmigrated.serving() as running:
        assert (await running.comes_to(503))["database"] is True


@ANY_SERVICE
async def test_an_unknown_command_shows_the_known_ones(nowhere: Program) -> None:
    ending = await nowhere.ends("sevre")
    assert ending.code != 0
    assert "serve" in ending.text
    assert "migrate" in ending.text
    assert "Traceback" not in ending.text
