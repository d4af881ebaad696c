"""Something outside fails in the middle of a signup: the person is told, waits, and gets the grid."""

import time
from collections.abc import AsyncIterator
from urllib.parse import urljoin

import aiohttp
import asyncpg
import pytest

from s4_shop.demo.customer import Customer, Refused
from s4_shop.demo.progress import Progress
from s4_shop.demo.tahoe import TahoeClient
from s4_shop.shop import Shop
from support.buyer import Buyer
from support.doors import asked, csrf
from support.ledger import EXACTLY_ONE, Ledger
from support.stripe_double import StripeDouble
from support.waiting import until

AT_REST = ("ready", "failed", "suspended", "absent")


@pytest.fixture
async def calm(shop: Shop, ledger: Ledger) -> AsyncIterator[None]:
    """No grid of an earlier test is still being made, and no fault that was ordered is left over."""

    async def at_rest() -> bool:
        return all(row["stage"] in AT_REST for row in await ledger.rows("provisioner", "SELECT stage FROM grids"))

    await until(at_rest, within=60, what="the grids of earlier tests")
    yield
    async with aiohttp.ClientSession() as session:
        for url in (f"{shop.urls['aws-control']}/faults", f"{shop.urls['inbox']}/api/faults"):
            async with session.delete(url) as answer:
                assert answer.ok


async def order(url: str, **fault: object) -> None:
    async with aiohttp.ClientSession() as session, session.post(url, json=fault) as answer:
        assert answer.status == 201, await answer.text()


async def words(customer: Customer, path: str = "/status") -> str:
    """What the page says."""
    page = await customer.open(path)
    return " ".join(page.texts["status" if "status" in page.texts else "main"].split())


async def seen(shop: Shop, buyer: Buyer, text: str, *, within: float = 60) -> None:
    """The status page comes to say this."""

    async def says() -> bool:
        return text in await words(buyer.customer, urljoin(shop.urls["site"], "/status"))

    await until(says, within=within, what=text)


@pytest.mark.long
@pytest.mark.usefixtures("calm")
async def test_stripe_fails_at_the_payment_page_and_the_mail_server_is_busy_and_the_furl_arrives(
    shop: Shop, ledger: Ledger
) -> None:
    stripe = StripeDouble(shop.urls["stripe"], shop.urls["stripe-control"])
    async with Buyer.visiting(shop, "hiccup") as buyer:
        customer = buyer.customer
        await customer.sign_up(buyer.email)
        # The SDK tries a refused call again by itself, so that one fault alone would go unseen.
        await stripe.fault("POST /v1/checkout/sessions", "503", times=20)
        status, told = await asked(customer, "/pay/hosted", csrf=csrf(customer))
        assert status == 503
        assert "Payments are not available right now" in told
        assert "Nothing was charged" in told
        while (await stripe.state())["faults"]:
            await order_used_up(shop)
        page = await customer.open(urljoin(shop.urls["site"], "/pay"))
        assert buyer.email in page.texts["main"], "what was typed is kept"
        await order(f"{shop.urls['inbox']}/api/faults", reply="451 4.3.0 Try again later", recipient=buyer.email)
        await customer.pay()
        await buyer.wait_until_ready()
        assert (await buyer.claim()).startswith("pb://")
        assert await ledger.holdings(buyer.email) == EXACTLY_ONE
    assert "letter.postponed" in shop.log("notifier")


async def order_used_up(shop: Shop) -> None:
    """One of the ordered faults has happened to somebody else."""
    headers = {"Authorization": f"Bearer {shop.secrets['stripe-secret-key']}"}
    url = f"{shop.urls['stripe']}/v1/checkout/sessions"
    async with aiohttp.ClientSession() as session, session.post(url, headers=headers) as answer:
        await answer.read()


@pytest.mark.usefixtures("calm")
async def test_billing_is_down_when_the_form_is_sent_and_nothing_that_was_typed_is_lost(shop: Shop) -> None:
    async with Customer(shop.urls["site"]) as customer:
        await customer.open("/signup")
        email = f"kept-{time.time_ns()}@example.com"
        form = {"email": email, "plan": "personal", "terms": "yes"}
        await shop.stop("billing")
        try:
            with pytest.raises(Refused, match=r"503 .*Payments are not available right now.*Nothing was charged"):
                await customer.send("signup", form)
            kept = customer.page.form("signup")
            assert kept is not None
            assert kept.fields.items() >= form.items()
        finally:
            await shop.start("billing")
        await customer.send("signup", {})
        assert customer.url == urljoin(shop.urls["site"], "/pay")
        assert email in customer.page.texts["main"]


@pytest.mark.usefixtures("calm")
async def test_the_mail_server_refuses_the_address_and_the_status_page_says_so(shop: Shop, ledger: Ledger) -> None:
    async with Buyer.visiting(shop, "bounced") as buyer:
        inbox = f"{shop.urls['inbox']}/api/faults"
        await order(
            inbox, reply="550 5.1.1 No such user", at="rcpt", recipient=buyer.email, times=2
        )  # receipt, welcome
        await buyer.buy()
        await buyer.wait_until_ready()
        await seen(shop, buyer, "refused our letter")
        assert await ledger.letters(buyer.email) == []
        await buyer.customer.send("letter", {})
        assert (await buyer.claim()).startswith("pb://")


@pytest.mark.long
@pytest.mark.usefixtures("calm")
async def test_rabbitmq_is_gone_until_the_grid_is_made_and_nothing_is_lost_or_twice(shop: Shop, ledger: Ledger) -> None:
    async with Buyer.visiting(shop, "broker") as buyer:
        before = await ledger.grids()
        await buyer.buy()
        await ledger.stage_reached(before, "host")
        await shop.kill("rabbitmq", hold=True)
        await ledger.stage_reached(before, "ready")
        assert "Your payment has arrived" in await words(buyer.customer, urljoin(shop.urls["site"], "/status"))
        await shop.start("rabbitmq")
        await buyer.wait_until_ready()
        assert (await buyer.claim()).startswith("pb://")
        assert await ledger.holdings(buyer.email) == EXACTLY_ONE
    await shop.until_ready()


@pytest.mark.long
@pytest.mark.usefixtures("calm")
async def test_aws_throttles_and_the_status_page_says_trying_again_until_it_is_ready(
    shop: Shop, ledger: Ledger
) -> None:
    control = f"{shop.urls['aws-control']}/faults"
    async with Buyer.visiting(shop, "crowded") as buyer:
        before = await ledger.grids()
        # The SDK asks more than once by itself before a step counts as failed.
        await order(control, kind="throttle", action="AssumeRole", times=4)
        await order(control, kind="throttle", action="ChangeResourceRecordSets", times=4)
        await buyer.buy()
        for step in ("credentials", "dns"):
            await retried(shop, buyer, step)
            (grid,) = await ledger.grids() - before
            await the_wait_is_over(shop, grid)
        await buyer.wait_until_ready()
        assert (await buyer.claim()).startswith("pb://")
        assert await ledger.holdings(buyer.email) == EXACTLY_ONE


async def retried(shop: Shop, buyer: Buyer, step: str) -> None:
    """The status page says of this step that it is tried again."""
    progress = Progress()

    async def is_shown() -> bool:
        page = await buyer.customer.open(urljoin(shop.urls["site"], "/status"))
        progress.read(page)
        is_tried = progress.steps.get(step) == "retrying"
        assert not is_tried or "trying again" in " ".join(page.texts["status"].split())
        return is_tried

    await until(is_shown, within=30, what=f"{step} is tried again")


async def the_wait_is_over(shop: Shop, grid: str) -> None:
    """The grid is due now, as it would be some minutes later."""
    connection = await asyncpg.connect(shop.database_url("provisioner"))
    try:
        await connection.execute("UPDATE grids SET due_at = now() WHERE id = $1", grid)
    finally:
        await connection.close()


@pytest.mark.long
@pytest.mark.usefixtures("calm")
async def test_s3_slows_down_fails_and_loses_answers_and_the_client_of_a_grid_sees_nothing_of_it(shop: Shop) -> None:
    control = f"{shop.urls['aws-control']}/faults"
    async with Buyer.visiting(shop, "slow-s3") as buyer:
        await buyer.buy()
        await buyer.wait_until_ready()
        furl = await buyer.claim()
    async with TahoeClient.running(shop.wiring.options.node / "bin" / "tahoe", furl) as client:
        await order(control, kind="throttle", action="PutObject", times=2)
        await order(control, kind="cut", action="PutObject")
        await order(control, kind="throttle", action="GetObject", times=2)
        await order(control, kind="error", action="GetObject", code="InternalError", status=500)
        assert (await client.round_trip()).size == 1_000_000
    async with aiohttp.ClientSession() as session, session.get(control) as answer:
        assert await answer.json() == {"faults": []}, "all of it happened"
