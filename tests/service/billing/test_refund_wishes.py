"""Refunds that operators should not have asked for, or asked for twice: at most the money that was paid goes back."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from s4_runtime import new_id
from support.billing_service import Billing
from support.operator_cli import TOKENS, Terminal
from support.subscriber import Subscriber

# What takes long and has a quick form elsewhere.
pytestmark = pytest.mark.long


class Desk:
    """Where operators ask by HTTP, for one account's only bill."""

    def __init__(self, billing: Billing, url: str, buyer: Subscriber, bill: str) -> None:
        self.billing, self.buyer, self.bill = billing, buyer, bill
        self._url = url

    def wish(self, **changes: Any) -> dict[str, Any]:
        asked = {"account_id": self.buyer.id, "invoice_id": self.bill, "request_id": new_id()}
        return {**asked, "note": "a slow answer", "amount": 500, **changes}

    async def ask(self, wish: object, who: str = "ada") -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {TOKENS[who]}"}
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self._url}/operator/refunds", json=wish, headers=headers) as answer,
        ):
            return answer.status, await answer.json()

    async def given(self) -> list[int]:
        """What went back, at Stripe."""
        return sorted(refund["amount"] for refund in await self.billing.double.objects("/v1/refunds"))


@pytest.fixture
async def desk(billing: Billing) -> AsyncIterator[Desk]:
    buyer = await Subscriber.of(billing)
    (bill,) = (await buyer.shown())["invoices"]
    async with Terminal.of(billing) as terminal:
        yield Desk(billing, terminal.url, buyer, bill["id"])


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"amount": 0}, "malformed"),
        ({"amount": -500}, "malformed"),
        ({"amount": 5.5}, "malformed"),
        ({"amount": "500"}, "malformed"),
        ({"amount": True}, "malformed"),
        ({"amount": [500]}, "malformed"),
        ({"amount": 2501}, "refund-too-large"),
        ({"amount": 2**70}, "refund-too-large"),
        ({"currency": "eur"}, "malformed"),
        ({"currency": "usd"}, "malformed"),
        ({"charge": "ch_of_somebody_else"}, "malformed"),
        ({"reason": "not-provided"}, "malformed"),
        ({"note": ""}, "malformed"),
        ({"note": "x" * 501}, "malformed"),
    ],
)
async def test_an_amount_that_cannot_go_back_is_422_and_nothing_does(
    desk: Desk, changes: dict[str, Any], code: str
) -> None:
    assert await desk.ask(desk.wish(**changes)) == (422, {"code": code})
    assert await desk.given() == []
    assert await desk.billing.rows("select 1 from refund union all select 1 from audit") == []


@pytest.mark.parametrize("field", ["account_id", "invoice_id", "request_id"])
@pytest.mark.parametrize("value", ["", "x", "in_1", "..%2f", "\x00"])
async def test_what_is_no_id_of_ours_names_nothing(desk: Desk, field: str, value: str) -> None:
    assert (await desk.ask(desk.wish(**{field: value})))[0] == 404
    assert await desk.given() == []


async def test_the_same_request_twice_and_at_once_is_one_refund(desk: Desk) -> None:
    wish = desk.wish()
    answers = await asyncio.gather(*(desk.ask(wish) for _ in range(4)))
    assert {status for status, _ in answers} <= {200, 429, 503}
    status, made = await desk.ask(wish, who="bea")
    assert (status, made["amount"], made["state"], made["proposed_by"]) == (200, 500, "succeeded", "ada")
    assert await desk.given() == [500]


async def test_another_wish_under_the_same_id_is_refused(desk: Desk) -> None:
    wish = desk.wish()
    assert (await desk.ask(wish))[0] == 200
    assert await desk.ask({**wish, "amount": 400}) == (422, {"code": "request-id-used"})
    assert await desk.given() == [500]


async def test_the_request_of_another_account_is_left_alone(desk: Desk) -> None:
    wish, other = desk.wish(), await Subscriber.of(desk.billing)
    assert (await desk.ask(wish))[0] == 200
    before = await desk.billing.rows("select * from refund")
    (bill,) = (await other.shown())["invoices"]
    again = {**wish, "account_id": other.id, "invoice_id": bill["id"]}
    assert await desk.ask(again) == (422, {"code": "request-id-used"})
    assert await desk.billing.rows("select * from refund") == before
    assert await desk.given() == [500]


async def test_two_operators_who_give_back_everything_at_once_give_it_once(desk: Desk) -> None:
    everything = [desk.ask(desk.wish(amount=None), who=who) for who in ("ada", "bea")]
    answers = await asyncio.gather(*everything)
    assert sorted(status for status, _ in answers) == [200, 422]
    assert {"code": "refund-too-large"} in [told for _, told in answers]
    assert await desk.given() == [2500]


async def test_the_bill_of_another_account_is_not_found(desk: Desk) -> None:
    other = await Subscriber.of(desk.billing)
    assert (await desk.ask(desk.wish(account_id=other.id)))[0] == 404
    assert await desk.given() == []


async def test_a_bill_that_nobody_paid_has_nothing_to_give_back(desk: Desk) -> None:
    await desk.buyer.bank("generic_decline")
    await desk.buyer.later(days=32)
    bills = (await desk.buyer.shown())["invoices"]
    (unpaid,) = [bill for bill in bills if bill["amount_paid"] == 0]
    assert await desk.ask(desk.wish(invoice_id=unpaid["id"])) == (409, {"code": "nothing-to-refund"})
    assert await desk.given() == []
