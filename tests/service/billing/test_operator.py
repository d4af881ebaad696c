"""What operators see and do, typed at a terminal."""

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import aiohttp
import pytest

from s4_runtime import Secret, ServiceClient
from s4_support.finding import Found, find
from support.billing_service import EMAIL, Billing, a_wish, same, settings_for
from support.operator_cli import TOKENS, Terminal
from support.stripe_double import StripeDouble


@pytest.fixture
async def terminal(billing: Billing) -> AsyncIterator[Terminal]:
    async with Terminal.of(billing) as terminal:
        yield terminal


@pytest.fixture
async def billing_with_low_limit(
    database: str, double: StripeDouble, webhook_port: int, state_dir: Path
) -> AsyncIterator[Billing]:
    settings = same(settings_for(database, double, webhook_port, state_dir), refund_limit=2499)
    async with Billing.running(settings, double) as billing:
        await billing.service.catalogue.push()
        yield billing


@pytest.fixture
async def terminal_of_low_limit(billing_with_low_limit: Billing) -> AsyncIterator[Terminal]:
    async with Terminal.of(billing_with_low_limit) as terminal:
        yield terminal


async def bought(billing: Billing) -> str:
    """The account of a customer who has paid."""
    wish = a_wish()
    await billing.double.pay(await billing.open(wish))
    await billing.paid_signup()
    await billing.quiet()
    return str(wish["account_id"])


async def test_an_accounts_whole_history_is_one_timeline(billing: Billing, terminal: Terminal) -> None:
    account = await bought(billing)
    for asked in (account, EMAIL.upper()):
        code, out, _ = await terminal.type("billing", "show", asked)
        assert code == 0
        assert "https://" not in out
        lines = out.splitlines()
        assert "account" in lines[0]
        for what in ("checkout", "subscription", "invoice", "command", "stripe-event", "told"):
            assert any(f" {what} " in line for line in lines), out
        times = [datetime.fromisoformat(line.partition("  ")[0]) for line in lines[1:]]
        assert times == sorted(times)


async def test_any_id_of_stripes_leads_the_support_page_to_its_account(billing: Billing, terminal: Terminal) -> None:
    account = await bought(billing)
    await bought(billing)
    ids = (
        "select account_id, stripe_customer_id as id from billing_customer"
        " union all select account_id, stripe_subscription_id from subscription"
        " union all select account_id, stripe_session_id from checkout"
        " union all select account_id, unnest(array[stripe_invoice_id, stripe_charge_id]) from invoice"
    )
    known = [str(row["id"]) for row in await billing.rows(ids) if row["account_id"] == account]
    assert {each.partition("_")[0] for each in known} >= {"cus", "sub", "cs", "in", "ch"}
    async with aiohttp.ClientSession() as session:
        asked = ServiceClient("billing", terminal.url, Secret(TOKENS["ada"]), session)
        for each in known:
            assert (await find(billing.service.pool, asked, each)).accounts == [Found(account, "id of Stripe's")]
        nobody = await find(billing.service.pool, asked, "cus_nobodyknows")
        refused = await find(billing.service.pool, ServiceClient("billing", terminal.url, Secret("x"), session), each)
    assert (nobody.accounts, refused.accounts) == ([], [])
    assert "knows no account" in nobody.words
    assert "refuses" in refused.words


async def test_an_address_with_several_accounts_or_none_says_so(billing: Billing, terminal: Terminal) -> None:
    first, second = await bought(billing), a_wish()
    await billing.open(second)
    _, out, _ = await terminal.type("billing", "show", EMAIL)
    assert first in out
    assert second["account_id"] in out
    code, out, _ = await terminal.type("billing", "show", "nobody@example.org")
    assert (code, out.strip()) == (0, "no account has this address")


async def test_an_operator_brings_an_account_up_to_date_and_the_audit_says_who(
    billing: Billing, terminal: Terminal
) -> None:
    await billing.double.webhooks("drop")
    wish = a_wish()
    await billing.double.pay(await billing.open(wish))
    assert await billing.events() == []
    code, _, err = await terminal.type("billing", "sync", wish["account_id"], who="bea")
    assert code == 0, err
    await billing.paid_signup()
    (row,) = (await terminal.json("billing", "audit"))["audit"]
    assert (row["who"], row["what"], row["account_id"]) == ("bea", "sync", wish["account_id"])


async def test_an_event_is_replayed(billing: Billing, terminal: Terminal) -> None:
    await bought(billing)
    (event, *_) = await billing.rows("select id from stripe_event where state = 'done' order by id")
    await billing.rows("update subscription set state = 'past_due' returning 1")
    assert (await terminal.json("billing", "replay", event["id"]))["event"] == event["id"]
    await billing.quiet()
    assert await billing.rows("select state from subscription") == [{"state": "active"}]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("show", "not-an-id"), 1, "not-an-id"),
        (("show", "00000000-0000-4000-8000-000000000000"), 1, "no-such-account"),
        (("sync", "00000000-0000-4000-8000-000000000000"), 1, "no-such-account"),
        (("replay", "evt_of_somebody_else"), 1, "no-such-event"),
        (("replay", "../accounts"), 1, "no-such-event"),
        (("audit", "--limit", "-1"), 2, "limit"),
        (("refund",), 2, "required"),
        ((), 2, "usage"),
    ],
)
async def test_what_cannot_be_done_is_said_and_nothing_is_changed(
    billing: Billing, terminal: Terminal, words: tuple[str, ...], code: int, says: str
) -> None:
    left, out, err = await terminal.type("billing", *words)
    assert (left, out) == (code, "")
    assert says in err
    assert "Traceback" not in err
    assert await billing.rows("select 1 from audit") == []


async def test_who_is_no_operator_sees_nothing(billing: Billing, terminal: Terminal) -> None:
    account = await bought(billing)
    code, out, err = await terminal.type("billing", "show", account, who="somebody-who-guesses-a-token")
    assert (code, out) == (1, "")
    assert "operator-token-required" in err
    async with aiohttp.ClientSession() as session:
        for header in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer \udcff"}):
            async with session.get(f"{terminal.url}/operator/audit", headers=header) as answer:
                assert answer.status == 401


async def test_a_service_that_is_away_is_named_and_worth_another_try() -> None:
    code, _, err = await Terminal("http://127.0.0.1:9").type("billing", "audit")
    assert code == 75
    assert "service-unreachable" in err


async def a_bill(terminal: Terminal, account: str) -> str:
    history = (await terminal.json("billing", "show", account))["history"]
    return str(next(entry["id"] for entry in history if entry["what"] == "invoice"))


async def test_a_small_refund_goes_at_once_and_once(billing: Billing, terminal: Terminal) -> None:
    account = await bought(billing)
    words = ("billing", "refund", account, "--invoice", await a_bill(terminal, account), "--amount", "500")
    for _ in range(2):
        made = await terminal.json(*words, "--note", "slow answer to a question")
        assert (made["amount"], made["state"], made["proposed_by"]) == (500, "succeeded", "ada")
    assert [each["amount"] for each in await billing.double.objects("/v1/refunds")] == [500]
    code, _, err = await terminal.type(*words[:-1], "2001", "--note", "more than is left")
    assert (code, "refund-too-large" in err) == (1, True)
    assert (await terminal.json(*words[:-2], "--note", "the rest"))["amount"] == 2000
    code, _, err = await terminal.type(*words[:-1], "1", "--note", "one more")
    assert (code, "refund-too-large" in err) == (1, True)
    rows = (await terminal.json("billing", "audit"))["audit"]
    assert [row["what"] for row in rows] == ["refund-wanted", "refund-wanted"]


async def test_a_large_refund_needs_a_second_operator(
    billing_with_low_limit: Billing, terminal_of_low_limit: Terminal
) -> None:
    billing, terminal = billing_with_low_limit, terminal_of_low_limit
    account = await bought(billing)
    words = ("billing", "refund", account, "--invoice", await a_bill(terminal, account), "--note", "all of it")
    made = await terminal.json(*words)
    assert made["state"] == "proposed"
    assert await billing.double.objects("/v1/refunds") == []
    code, _, err = await terminal.type("billing", "approve", made["id"], who="ada")
    assert (code, "needs-another-operator" in err) == (1, True)
    for _ in range(2):
        approved = await terminal.json("billing", "approve", made["id"], who="bea")
        assert (approved["state"], approved["approved_by"]) == ("succeeded", "bea")
    assert len(await billing.double.objects("/v1/refunds")) == 1


async def test_a_large_refund_in_small_parts_needs_a_second_operator_too(
    billing_with_low_limit: Billing, terminal_of_low_limit: Terminal
) -> None:
    billing, terminal = billing_with_low_limit, terminal_of_low_limit
    account = await bought(billing)
    words = ("billing", "refund", account, "--invoice", await a_bill(terminal, account), "--amount")
    assert (await terminal.json(*words, "1500", "--note", "a part"))["state"] == "succeeded"
    rest = await terminal.json(*words, "1000", "--note", "and the rest")
    assert rest["state"] == "proposed"
    assert [each["amount"] for each in await billing.double.objects("/v1/refunds")] == [1500]
    assert (await terminal.json("billing", "approve", rest["id"], who="bea"))["state"] == "succeeded"


async def test_drift_is_shown_and_followed_only_on_request(billing: Billing, terminal: Terminal) -> None:
    await bought(billing)
    clean = await terminal.json("billing", "drift")
    assert (clean["compared"], clean["drift"]) == (1, [])
    await billing.double.webhooks("drop")
    (subscription,) = await billing.double.objects("/v1/subscriptions")
    await billing.double.call("DELETE", f"/v1/subscriptions/{subscription['id']}")
    found: dict[str, object] = {}
    for _ in range(2):
        (found,) = (await terminal.json("billing", "drift"))["drift"]
        assert (found["kind"], found["applied"]) == ("differs", False)
        assert "state=active" in str(found["ours"])
        assert "state=ended" in str(found["theirs"])
    assert (await terminal.json("billing", "drift", "--last"))["drift"] == [found]
    _, out, _ = await terminal.type("billing", "drift", "--apply")
    assert "followed" in out
    assert (await terminal.json("billing", "drift"))["drift"] == []
    assert await billing.rows("select state from subscription") == [{"state": "ended"}]


async def test_a_refund_that_stripe_refuses_has_failed(billing: Billing, terminal: Terminal) -> None:
    account = await bought(billing)
    (charge,) = await billing.double.objects("/v1/charges")
    await billing.double.order("/disputes", charge=charge["id"], reason="fraudulent")
    (bill,) = (await billing.call("GET", f"/accounts/{account}"))[1]["invoices"]
    words = ("billing", "refund", account, "--invoice", bill["id"], "--note", "as they asked")
    _, out, _ = await terminal.type(*words)
    assert "failed" in out, out
    await billing.quiet()
    assert [row["state"] for row in await billing.rows("select state from refund")] == ["failed"]
