"""What the portal says of a plan through its whole life."""

import stripe

from devcloud.stripe.lives import DAY, HOUR, Life, period
from devcloud.stripe.shop import GOOD
from devcloud.stripe.visitor import Visitor, a_portal


async def seen(life: Life, subscription: stripe.Subscription) -> str:
    session = await a_portal(life.client, str(subscription.customer))
    status, page = await Visitor(life.browser, session.url).look()
    assert status == 200
    return page


async def test_a_trial_says_how_long_it_is_free(life: Life) -> None:
    subscription = await life.subscribe(subscription_data={"trial_period_days": 14})
    page = await seen(life, subscription)
    assert "Free until" in page
    assert "0.00 USD" in page


async def test_a_failed_renewal_asks_for_another_card_and_shows_where_to_pay(life: Life) -> None:
    subscription = await life.subscribe()
    await life.card(GOOD, "insufficient_funds")
    await life.go_to(period(subscription)[1] + 2 * HOUR)
    page = await seen(life, subscription)
    assert "The last payment failed." in page
    invoice = (await life.invoices(subscription))[0]
    assert f'href="{invoice.hosted_invoice_url}">Pay' in page
    assert "<td>Open</td>" in page


async def test_invoices_can_be_viewed_and_taken_away_as_files(life: Life) -> None:
    subscription = await life.subscribe()
    await life.go_to(period(subscription)[1] + 2 * HOUR)
    page = await seen(life, subscription)
    invoices = await life.invoices(subscription)
    assert len(invoices) == 2
    for invoice in invoices:
        for url, kind in ((invoice.hosted_invoice_url, "text/html"), (invoice.invoice_pdf, "application/pdf")):
            assert url is not None
            assert f'href="{url}"' in page
            async with life.browser.get(url) as answer:
                assert (answer.status, answer.content_type) == (200, kind)


async def test_a_draft_is_not_shown(life: Life) -> None:
    subscription = await life.subscribe()
    await life.go_to(period(subscription)[1] + HOUR // 2)
    assert (await seen(life, subscription)).count("<td>Paid</td>") == 1
    assert "Draft" not in await seen(life, subscription)


async def test_a_plan_that_was_never_paid_for_ends(life: Life) -> None:
    subscription = await life.subscribe()
    await life.card(GOOD, "generic_decline")
    await life.go_to(period(subscription)[1] + 20 * DAY)
    page = await seen(life, subscription)
    assert "Ended on" in page
    assert "Cancel the plan" not in page
