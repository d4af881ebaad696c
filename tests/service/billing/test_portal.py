"""Ways out to Stripe: its portal, and bills as files."""

import aiohttp
import pytest

from s4_runtime import new_id
from s4_shop.ports import free_port
from support.billing_service import TOKEN, Billing, a_wish, same
from support.subscriber import Subscriber


@pytest.mark.parametrize("flow", ["home", "card"])
async def test_a_click_leads_to_a_portal_of_this_customer_and_back_to_the_account(billing: Billing, flow: str) -> None:
    buyer = await Subscriber.of(billing)
    status, told = await buyer.call("POST", "/portal", {"flow": flow})
    assert (status, set(told)) == (200, {"url"})
    async with aiohttp.ClientSession() as session, session.get(told["url"]) as page:
        assert page.status == 200
        assert f"https://s4.example.org/account/{buyer.id}?done=portal" in await page.text()


async def test_every_click_has_an_address_of_its_own(billing: Billing) -> None:
    buyer = await Subscriber.of(billing)
    first = (await buyer.call("POST", "/portal", {"flow": "home"}))[1]["url"]
    assert (await buyer.call("POST", "/portal", {"flow": "home"}))[1]["url"] != first


async def test_the_address_is_kept_nowhere(billing: Billing, capsys: pytest.CaptureFixture[str]) -> None:
    buyer = await Subscriber.of(billing)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{billing.url}/accounts/{buyer.id}/portal", json={"flow": "home"}, headers=headers) as answer,
    ):
        assert answer.headers["Cache-Control"] == "no-store"
        secret = (await answer.json())["url"].rpartition("/")[2]
    assert secret
    await billing.quiet()
    assert secret not in capsys.readouterr().out
    for table in ("stripe_command", "stripe_event", "outbox", "audit"):
        (found,) = await billing.rows(f"select count(*) as n from {table} as t where t::text like '%{secret}%'")  # noqa: S608  a name of ours
        assert found["n"] == 0


async def test_what_may_be_done_in_the_portal_can_be_a_configuration_of_ours(billing: Billing) -> None:
    buyer = await Subscriber.of(billing)
    allowed = {"features[invoice_history][enabled]": "true", "features[payment_method_update][enabled]": "true"}
    made = await billing.double.call("POST", "/v1/billing_portal/configurations", **allowed)
    settings = same(billing.settings, listen=f"127.0.0.1:{free_port()}", stripe_portal_configuration=made["id"])
    async with Billing.running(settings, billing.double, converging=False) as other:
        _, told = await Subscriber(other, buyer.id).call("POST", "/portal", {"flow": "home"})
    async with aiohttp.ClientSession() as session, session.get(told["url"]) as page:
        assert page.status == 200
        assert "ancel" not in await page.text()


@pytest.mark.parametrize("body", [{}, {"flow": "pay"}, {"flow": "home", "return_url": "https://evil.example"}, []])
async def test_a_portal_that_is_not_offered_is_422(billing: Billing, body: object) -> None:
    buyer = await Subscriber.of(billing)
    assert await buyer.call("POST", "/portal", body) == (422, {"code": "malformed"})


async def test_who_has_no_customer_at_stripe_has_no_portal(billing: Billing) -> None:
    wish = a_wish()
    await billing.double.fault("POST /v1/customers", "503", times=4)
    await billing.call("POST", "/checkouts", wish)
    await billing.double.reset_faults()
    told = await Subscriber(billing, wish["account_id"]).call("POST", "/portal", {"flow": "home"})
    assert told == (404, {"code": "no-such-account"})


async def test_stripes_silence_is_503_and_its_haste_429(billing: Billing) -> None:
    buyer = await Subscriber.of(billing)
    for kind, answer in (
        ("503", (503, {"code": "payment-service-unavailable"})),
        ("429", (429, {"code": "payment-service-busy"})),
    ):
        await billing.double.fault("POST /v1/billing_portal/sessions", kind, times=4)
        assert await buyer.call("POST", "/portal", {"flow": "home"}) == answer
        await billing.double.reset_faults()


async def test_a_bill_can_be_had_as_a_file(billing: Billing) -> None:
    buyer = await Subscriber.of(billing)
    (bill,) = (await buyer.shown())["invoices"]
    status, told = await buyer.call("GET", f"/invoices/{bill['id']}/pdf")
    assert status == 200
    async with aiohttp.ClientSession() as session, session.get(told["url"]) as answer:
        assert answer.status == 200
        assert (await answer.read()).startswith(b"%PDF")


async def test_the_bill_of_another_account_is_404(billing: Billing) -> None:
    buyer, other = await Subscriber.of(billing), await Subscriber.of(billing)
    (bill,) = (await buyer.shown())["invoices"]
    for stranger in (bill["id"], new_id(), "x", "in_1", "%00"):
        assert await other.call("GET", f"/invoices/{stranger}/pdf") == (404, {"code": "no-such-invoice"})
