"""s4 queues, as operators type it, against real queues: looked at, replayed, dropped, put back, on record."""

from collections.abc import AsyncIterator

import pytest

from s4_bus.topology import LISTENERS
from s4_contracts import encode
from s4_contracts.billing import SignupPaid
from s4_contracts.notifier import LetterSent
from s4_runtime import Secret, new_id
from support.broker_users import UsersAtBroker
from support.infra import TestBroker
from support.operators_desk import OperatorsDesk, operators_desk
from support.support_page import EMAIL, Customer

NOTE = ("--note", "ticket 7")


@pytest.fixture
async def desk(support_database: str, amqp_url: str) -> AsyncIterator[OperatorsDesk]:
    async with operators_desk(support_database, amqp_url) as desk:
        yield desk


async def test_the_list_says_who_is_behind_and_why(desk: OperatorsDesk) -> None:
    await desk.parks("web", Customer().event(LetterSent))
    told = await desk.terminal.json("queues", "list")
    rows = {row["service"]: row for row in told["queues"]}
    assert set(rows) == {"web", "billing", "provisioner", "notifier", "invites", "support"}
    assert (rows["web"]["parked"], rows["web"]["parked_oldest_seconds"]) == (1, 24 * 3600)
    assert (rows["billing"]["waiting"], rows["billing"]["consumers"], rows["billing"]["retrying"]) == (0, 0, 0)
    code, out, _ = await desk.terminal.type("queues", "list")
    assert code == 0
    assert "! nobody reads it; 1 parked: s4 queues parked web" in out


async def test_what_is_parked_is_described_and_never_shown(desk: OperatorsDesk) -> None:
    customer = Customer()
    (parked,) = await desk.parks("notifier", customer.event(SignupPaid), code="unforeseen-KeyError")
    nonsense = await desk.parks_raw("notifier", b"nonsense with ada@example.org", "../../etc")
    rows = (await desk.terminal.json("queues", "parked", "notifier"))["parked"]
    assert [(row["id"], row["type"], row["code"], row["attempts"]) for row in rows] == [
        (parked, "billing.signup-paid.v1", "unforeseen-KeyError", 1),
        (nonsense, "unknown", "malformed-event", 1),
    ]
    shown = await desk.terminal.json("queues", "show", "notifier", parked)
    assert shown["ids"]["account"] == customer.account
    assert shown["story"] == "story-1"
    _, out, _ = await desk.terminal.type("queues", "show", "notifier", nonsense)
    assert EMAIL not in str(shown)
    assert "ada@" not in out
    assert await desk.parked_ids("notifier") == [parked, nonsense]


async def test_a_replayed_message_is_as_it_was_sent(desk: OperatorsDesk) -> None:
    event = Customer().event(SignupPaid)
    first, second = await desk.parks("provisioner", event, Customer().event(SignupPaid))
    would = await desk.terminal.json("queues", "replay", "provisioner", first, "--dry-run", *NOTE)
    assert would["would"]["messages"] == 1
    assert await desk.waits("provisioner") == []
    assert (await desk.terminal.json("queues", "replay", "provisioner", first, *NOTE))["replayed"] == 1
    (message,) = await desk.waits("provisioner")
    assert (message.message_id, message.type, message.body) == (first, "billing.signup-paid.v1", encode(event))
    assert message.headers["X-Correlation-Id"] == "story-1"
    assert await desk.parked_ids("provisioner") == [second]
    assert ("ada", "queue-replay", None) in await desk.audit()


async def test_all_of_one_reason_are_replayed_and_no_others(desk: OperatorsDesk) -> None:
    await desk.parks("web", *(Customer().event(LetterSent) for _ in range(3)), code="handler-timeout")
    (other,) = await desk.parks("web", Customer().event(LetterSent), code="unknown-event")
    answer = await desk.terminal.json("queues", "replay", "web", "--code", "handler-timeout", *NOTE)
    assert answer["replayed"] == 3
    assert await desk.parked_ids("web") == [other]
    assert (await desk.terminal.json("queues", "replay", "web", "--all", *NOTE))["replayed"] == 1
    assert len(await desk.waits("web")) == 4


async def test_more_than_one_call_can_move_are_all_replayed(
    desk: OperatorsDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("s4_support.operator.queue_deeds.AT_ONCE", 2)
    await desk.parks("web", *(Customer().event(LetterSent) for _ in range(5)))
    assert (await desk.terminal.json("queues", "replay", "web", "--all", *NOTE))["replayed"] == 5
    assert len(await desk.waits("web")) == 5


async def test_a_drop_is_shown_first_then_done_once_and_can_be_undone(desk: OperatorsDesk) -> None:
    event = Customer().event(LetterSent)
    (parked,) = await desk.parks("web", event, code="malformed-event")
    shown = await desk.terminal.json("queues", "drop", "web", parked, *NOTE)
    assert shown["would"]["messages"] == 1
    assert await desk.parked_ids("web") == [parked]
    confirm = ("--confirm", shown["confirm"])
    assert (await desk.terminal.json("queues", "drop", "web", parked, *NOTE, *confirm))["dropped"] == 1
    assert await desk.parked_ids("web") == []
    (kept,) = (await desk.terminal.json("queues", "dropped", "web"))["dropped"]
    assert (kept["id"], kept["code"], kept["dropped_by"]) == (parked, "malformed-event", "ada")
    assert (await desk.terminal.json("queues", "restore", "web", parked, *NOTE))["restored"] == 1
    assert "no-such-message" in await desk.terminal.refused("queues", "restore", "web", parked, *NOTE)
    (row,) = (await desk.terminal.json("queues", "parked", "web"))["parked"]
    assert (row["id"], row["code"], row["type"]) == (parked, "malformed-event", "notifier.letter-sent.v1")
    await desk.terminal.json("queues", "replay", "web", parked, *NOTE)
    assert [message.body for message in await desk.waits("web")] == [encode(event)]
    assert [what for _, what, _ in await desk.audit()] == [
        "queue-drop-asked",
        "queue-drop",
        "queue-restore",
        "queue-replay",
    ]


async def test_a_code_is_for_one_deed_and_for_what_it_showed(desk: OperatorsDesk) -> None:
    first, second = await desk.parks("web", Customer().event(LetterSent), Customer().event(LetterSent))
    confirm = ("--confirm", (await desk.terminal.json("queues", "drop", "web", first, *NOTE))["confirm"])
    drop = ("queues", "drop", "web")
    assert "changed-meanwhile" in await desk.terminal.refused(*drop, second, *NOTE, *confirm)
    assert "no-such-confirmation" in await desk.terminal.refused(*drop, first, *NOTE, "--confirm", "00000000")
    await desk.terminal.json(*drop, first, *NOTE, *confirm)
    assert "no-such-message" in await desk.terminal.refused(*drop, first, *NOTE, *confirm)
    assert await desk.parked_ids("web") == [second]


async def test_bad_input_changes_nothing(desk: OperatorsDesk) -> None:
    (parked,) = await desk.parks("web", Customer().event(LetterSent))
    for words, code in (
        (("parked", "nobody"), "no-such-service"),
        (("show", "web", "../x"), "not-an-id"),
        (("show", "web", new_id()), "no-such-message"),
        (("replay", "web", *NOTE), "ids-or-code-or-all"),
        (("replay", "web", parked, "--all", *NOTE), "ids-or-code-or-all"),
        (("replay", "web", new_id(), *NOTE), "no-such-message"),
        (("replay", "web", parked, "--note", "x"), "malformed"),
    ):
        assert code in await desk.terminal.refused("queues", *words), words
    assert "operator-token-required" in await desk.terminal.refused("queues", "list", who="x" * 32)
    assert await desk.parked_ids("web") == [parked]
    assert await desk.audit() == []


async def test_a_message_without_an_id_can_be_named_and_keeps_having_none(desk: OperatorsDesk) -> None:
    await desk.parks_raw("web", b"nobody's", "x", code="malformed-id", message_id="not an id")
    (named,) = await desk.parked_ids("web")
    await desk.terminal.json("queues", "replay", "web", named, *NOTE)
    assert [message.message_id for message in await desk.waits("web")] == ["not an id"]


async def test_the_desks_own_rights_at_the_broker_are_enough_and_the_pages_are_not(
    support_database: str, amqp_url: str, broker: TestBroker
) -> None:
    users = UsersAtBroker(broker, amqp_url.rpartition("/")[2])
    await users.define()
    async with operators_desk(support_database, amqp_url, operator_amqp_url=Secret(users.url("desk"))) as desk:
        first, second = await desk.parks("web", Customer().event(LetterSent), Customer().event(LetterSent))
        assert len((await desk.terminal.json("queues", "list"))["queues"]) == len(LISTENERS)
        assert (await desk.terminal.json("queues", "replay", "web", first, *NOTE))["replayed"] == 1
        confirm = (await desk.terminal.json("queues", "drop", "web", second, *NOTE))["confirm"]
        await desk.terminal.json("queues", "drop", "web", second, *NOTE, "--confirm", confirm)
        assert (await desk.terminal.json("queues", "restore", "web", second, *NOTE))["restored"] == 1
    async with operators_desk(support_database, amqp_url, operator_amqp_url=Secret(users.url("support"))) as desk:
        assert "broker-refuses-operator" in await desk.terminal.refused("queues", "parked", "web")


async def test_a_broker_that_is_away_is_said(support_database: str, amqp_url: str) -> None:
    async with operators_desk(support_database, amqp_url) as desk:
        pass
    async with operators_desk(support_database, amqp_url, operator_amqp_url=None) as desk:
        status, _, err = await desk.terminal.type("queues", "list")
        assert (status, "bus-unavailable" in err) == (75, True)
