"""An owner has confirmed another address: the account has it, Stripe's customer gets it, and later letters use it."""

from datetime import datetime, timedelta
from itertools import permutations

import pytest

from s4_billing import provisioning
from s4_bus.testing import deliver
from s4_contracts.billing import SignupPaid
from s4_contracts.ids import AccountId, RequestId
from s4_contracts.web import EmailChanged
from s4_runtime import new_id
from s4_stripe.errors import StripeRejected
from support.billing_life import Life
from support.billing_service import EMAIL, Billing, a_wish
from support.operator_cli import Terminal
from support.stripe_failures import ONE_FAILURE

NEW = "moved@example.org"
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)


def a_change(account: str, at: datetime, email: str = NEW) -> EmailChanged:
    return EmailChanged(occurred_at=at, account_id=AccountId(account), request_id=RequestId(new_id()), email=email)


async def tell(billing: Billing, *events: EmailChanged) -> None:
    for event in events:
        await deliver(billing.service.pool, provisioning.routes(), event)


async def settle(billing: Billing) -> None:
    """A minute later, what was to be done at Stripe is done."""
    billing.clock.ahead += MINUTE
    await billing.service.commands.settle()


async def ours(billing: Billing) -> str:
    ((found),) = await billing.rows("select email from billing_customer")
    return str(found["email"])


async def theirs(billing: Billing) -> list[str]:
    return [each["email"] for each in await billing.double.objects("/v1/customers")]


async def changes(billing: Billing) -> int:
    """How often Stripe was told of an address."""
    ((customer),) = await billing.double.objects("/v1/customers")
    return await billing.calls("POST", f"/v1/customers/{customer['id']}")


async def test_a_confirmed_address_is_the_accounts_and_stripes(billing: Billing) -> None:
    life = await Life.subscribed(billing)
    before = await changes(billing)
    await tell(billing, a_change(life.account, life.now()))
    assert await ours(billing) == NEW
    await settle(billing)

    assert await theirs(billing) == [NEW]
    assert await changes(billing) == before + 1


async def test_the_same_news_twice_changes_it_once(billing: Billing) -> None:
    life = await Life.subscribed(billing)
    before, change = await changes(billing), a_change(life.account, life.now())
    await tell(billing, change, change)
    await settle(billing)
    await tell(billing, change)
    await settle(billing)

    assert await changes(billing) == before + 1


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_the_newest_address_wins_in_whatever_order_they_are_heard(
    billing: Billing, order: tuple[int, ...]
) -> None:
    life = await Life.subscribed(billing)
    news = [a_change(life.account, life.now() + SECOND * turn, f"{turn}@example.org") for turn in range(3)]
    await tell(billing, *(news[turn] for turn in order))
    await settle(billing)
    await settle(billing)

    assert (await ours(billing), await theirs(billing)) == ("2@example.org", ["2@example.org"])


async def test_back_to_the_first_address_is_a_change_too(billing: Billing) -> None:
    life = await Life.subscribed(billing)
    for email in (NEW, EMAIL, NEW, EMAIL):
        await tell(billing, a_change(life.account, life.now(), email))
        await settle(billing)

    assert (await ours(billing), await theirs(billing)) == (EMAIL, [EMAIL])


@ONE_FAILURE
async def test_what_stripe_did_not_answer_is_done_later_and_once(billing: Billing, kind: str) -> None:
    life = await Life.subscribed(billing)
    await billing.double.fault("POST /v1/customers/*", kind)
    await tell(billing, a_change(life.account, life.now()))
    for _ in range(2):
        await settle(billing)

    assert await theirs(billing) == [NEW]
    assert await billing.rows("select state from stripe_command where kind = 'customer.email'") == [{"state": "ok"}]


@pytest.mark.parametrize("later", [MINUTE, timedelta(days=2)])
async def test_killed_before_the_answer_was_stored_it_is_the_same_call(billing: Billing, later: timedelta) -> None:
    life = await Life.subscribed(billing)
    await tell(billing, a_change(life.account, life.now()))
    await settle(billing)
    count = await changes(billing)
    params = f'{{"customer": "{(await billing.double.objects("/v1/customers"))[0]["id"]}", "email": "{NEW}"}}'
    sql = "update stripe_command set state = 'pending', params = $1 where kind = 'customer.email'"
    await billing.service.pool.execute(sql, params)
    billing.clock.ahead += later
    await settle(billing)

    assert await changes(billing) == count
    assert await theirs(billing) == [NEW]


async def test_an_older_change_that_reaches_stripe_last_is_followed_by_the_newer(billing: Billing) -> None:
    life = await Life.subscribed(billing)
    await tell(billing, a_change(life.account, life.now(), "first@example.org"))
    ((command),) = await billing.rows("select idempotency_key from stripe_command where kind = 'customer.email'")
    await tell(billing, a_change(life.account, life.now() + SECOND))
    await settle(billing)
    assert await theirs(billing) == [NEW]
    # As if it had been on its way all the time.
    ((customer),) = await billing.double.objects("/v1/customers")
    await billing.double.call("POST", f"/v1/customers/{customer['id']}", email="first@example.org")
    await billing.service.pool.execute(
        "update stripe_command set state = 'pending', params = $2 where idempotency_key = $1",
        *(command["idempotency_key"], f'{{"customer": "{customer["id"]}", "email": "first@example.org"}}'),
    )
    await billing.rows("delete from stripe_command where idempotency_key like '%:email' returning true")
    for _ in range(2):
        await settle(billing)

    assert await theirs(billing) == [NEW]


async def test_a_customer_that_is_made_while_the_address_changes_gets_the_new_one(billing: Billing) -> None:
    wish = a_wish()
    await billing.double.fault("POST /v1/customers", "503", times=4)
    status, _ = await billing.call("POST", "/checkouts", wish)
    assert status == 503
    await tell(billing, a_change(wish["account_id"], billing.clock.now()))
    await billing.double.reset_faults()
    for _ in range(2):
        await settle(billing)

    assert (await ours(billing), await theirs(billing)) == (NEW, [NEW])


async def test_a_payment_that_is_told_after_the_change_has_the_new_address(billing: Billing) -> None:
    wish = a_wish()
    opened = await billing.open(wish)
    await tell(billing, a_change(wish["account_id"], billing.clock.now()))
    await billing.double.pay(opened)
    await billing.quiet()

    (paid,) = [event for event in await billing.events() if isinstance(event, SignupPaid)]
    assert paid.email == NEW


async def test_a_checkout_with_another_address_does_not_undo_what_was_confirmed(billing: Billing) -> None:
    wish = a_wish()
    await billing.open(wish)
    await tell(billing, a_change(wish["account_id"], billing.clock.now()))
    await settle(billing)
    await billing.open({**wish, "checkout_id": new_id(), "email": "typed@example.org"})

    assert (await ours(billing), await theirs(billing)) == (NEW, [NEW])


async def test_an_address_of_nobody_is_no_trouble(billing: Billing) -> None:
    await tell(billing, a_change(new_id(), billing.clock.now()))
    await settle(billing)

    assert await billing.rows("select 1 from billing_customer") == []


async def test_an_address_that_stripe_refuses_is_on_record_and_not_asked_for_again(billing: Billing) -> None:
    life = await Life.subscribed(billing)
    await tell(billing, a_change(life.account, life.now(), "not an address"))
    await settle(billing)

    assert await theirs(billing) == [EMAIL]
    ((command),) = await billing.rows("select idempotency_key, state from stripe_command where kind = 'customer.email'")
    assert command["state"] == "failed"
    with pytest.raises(StripeRejected):
        await billing.service.commands.perform(command["idempotency_key"])


async def test_operators_see_the_address_and_find_the_account_by_both(billing: Billing) -> None:
    life = await Life.subscribed(billing)
    await tell(billing, a_change(life.account, life.now()))
    await settle(billing)

    async with Terminal.of(billing) as terminal:
        for name in (life.account, EMAIL, NEW):
            _, shown, _ = await terminal.type("billing", "show", name)
            assert f"email={NEW}" in shown
            assert "customer.email" in shown
