import re

import stripe

from devcloud.stripe.lives import ALWAYS_AUTHENTICATE, HOUR, Life, period
from devcloud.stripe.shop import DECLINED, GOOD, a_form, type_card
from s4_devcloud.stripe.pages.pdf import Rule, Text, document


async def an_owed_invoice(life: Life, behaviour: str = "generic_decline") -> tuple[stripe.Subscription, stripe.Invoice]:
    subscription = await life.subscribe()
    await life.card(GOOD, behaviour)
    await life.go_to(period(subscription)[1] + HOUR)
    return subscription, (await life.invoices(subscription))[0]


async def get(life: Life, url: str | None) -> tuple[int, str]:
    assert url is not None
    async with life.browser.get(url) as answer:
        return answer.status, await answer.text()


async def post(life: Life, url: str, **fields: str) -> tuple[int, str, str | None]:
    async with life.browser.post(url, data=fields, allow_redirects=False) as answer:
        return answer.status, await answer.text(), answer.headers.get("Location")


def objects_of(pdf: bytes) -> list[bytes]:
    """The objects of a file, found as a reader finds them: by the table at its end."""
    table = int(re.findall(rb"startxref\n(\d+)\n%%EOF\n$", pdf)[0])
    assert pdf[table:].startswith(b"xref\n0 ")
    places = [int(place) for place in re.findall(rb"\n(\d{10}) 00000 n ", pdf[table:])]
    for number, place in enumerate(places, start=1):
        assert pdf[place:].startswith(b"%d 0 obj\n" % number)
    return [pdf[place : pdf.index(b"endobj", place)] for place in places]


async def test_a_paid_invoice_has_a_page_and_a_file(life: Life) -> None:
    subscription = await life.subscribe()
    invoice = (await life.invoices(subscription))[0]
    status, page = await get(life, invoice.hosted_invoice_url)
    assert (status, "Paid on" in page, "25.00 USD" in page, "<form" in page) == (200, True, True, False)
    assert invoice.invoice_pdf is not None
    async with life.browser.get(invoice.invoice_pdf) as answer:
        assert answer.content_type == "application/pdf"
        assert answer.headers["Content-Disposition"] == f'attachment; filename="Invoice-{invoice.number}.pdf"'
        file = await answer.read()
    content = b"\n".join(objects_of(file))
    for words in (str(invoice.number), "25.00 USD", "Personal grid", "buyer@example.com", "Paid"):
        assert words.encode("cp1252") in content


async def test_a_draft_has_no_page_yet(life: Life) -> None:
    subscription = await life.subscribe()
    await life.go_to(period(subscription)[1])
    draft = (await life.invoices(subscription))[0]
    assert (draft.hosted_invoice_url, draft.invoice_pdf) == (None, None)


async def test_an_address_that_leads_nowhere_says_so(life: Life) -> None:
    subscription = await life.subscribe()
    address = str((await life.invoices(subscription))[0].hosted_invoice_url)
    for wrong in (address[:-1], address[:-1] + "/pdf", address.rpartition("/")[0] + "/x/authenticate"):
        assert (await get(life, wrong))[0] == 404


async def test_an_owed_invoice_is_paid_with_the_card_on_file(life: Life) -> None:
    subscription, invoice = await an_owed_invoice(life)
    url = str(invoice.hosted_invoice_url)
    status, page = await get(life, url)
    assert (status, "Pay with Visa ending in 4242" in page) == (200, True)
    status, page, _ = await post(life, url + "/default")
    assert (status, "Your card was declined." in page) == (402, True)
    await life.card(GOOD, "ok")
    status, _, target = await post(life, url + "/default")
    assert (status, url.endswith(str(target))) == (303, True)
    assert (await life.again(subscription)).status == "active"
    assert "Paid on" in (await get(life, url))[1]
    assert (await post(life, url + "/default"))[0] == 303
    assert len((await life.client.v1.charges.list_async({"customer": str(subscription.customer)})).data) == 4


async def test_another_card_pays_and_is_the_subscriptions_from_then_on(life: Life) -> None:
    subscription, invoice = await an_owed_invoice(life)
    url = str(invoice.hosted_invoice_url)
    assert (await type_card(life.browser, url, DECLINED))[0] == 402
    assert (await type_card(life.browser, url, "5555 5555 5555 4444"))[0] == 303
    after = await life.again(subscription)
    assert (after.status, after.default_payment_method != subscription.default_payment_method) == ("active", True)
    method = await life.client.v1.payment_methods.retrieve_async(str(after.default_payment_method))
    assert method.card is not None
    assert (method.card.last4, method.customer) == ("4444", subscription.customer)
    await life.go_to(period(after)[1] + HOUR)
    assert (await life.invoices(subscription))[0].status == "paid"


async def test_a_form_with_mistakes_charges_nobody(life: Life) -> None:
    subscription, invoice = await an_owed_invoice(life)
    status, page, _ = await post(life, str(invoice.hosted_invoice_url), **a_form("4242 4242 4242 4241"))
    assert (status, "Your card number is invalid." in page) == (422, True)
    assert len((await life.client.v1.charges.list_async({"customer": str(subscription.customer)})).data) == 2


async def test_the_cardholder_confirms_on_the_page(life: Life) -> None:
    subscription = await life.subscribe(ALWAYS_AUTHENTICATE)
    await life.go_to(period(subscription)[1] + HOUR)
    url = str((await life.invoices(subscription))[0].hosted_invoice_url)
    assert (await post(life, url + "/default"))[2] == url.partition("/i/")[1] + url.partition("/i/")[
        2
    ] + "/authenticate"
    assert "3D Secure" in (await get(life, url + "/authenticate"))[1]
    status, page, _ = await post(life, url + "/authenticate", outcome="fail")
    assert (status, "unable to authenticate" in page) == (402, True)
    assert (await life.again(subscription)).status == "past_due"
    await post(life, url + "/default")
    assert (await post(life, url + "/authenticate", outcome="complete"))[0] == 303
    assert (await life.again(subscription)).status == "active"
    assert (await post(life, url + "/authenticate", outcome="complete"))[0] == 303
    charges = (await life.client.v1.charges.list_async({"customer": str(subscription.customer)})).data
    assert [charge.status for charge in charges] == ["succeeded", "succeeded"]


async def test_a_void_invoice_asks_for_nothing(life: Life) -> None:
    _, invoice = await an_owed_invoice(life)
    await life.client.v1.invoices.void_invoice_async(str(invoice.id))
    page = (await get(life, invoice.hosted_invoice_url))[1]
    assert ("You owe nothing" in page, "<form" in page) == (True, False)


def test_a_file_of_several_pages_can_be_read_back() -> None:
    pages: list[list[Text | Rule]] = [[Text("(first) \\ \u00d7 \u20ac \u4e2d", 50, 50)], [Rule(100), Text("x", 1.5, 2)]]
    found = objects_of(document(pages, "Two\npages"))
    assert len(found) == 9
    assert b"/Count 2" in found[1]
    assert b"(\\(first\\) \\\\ \xd7 \x80 ?) Tj" in found[6]
    for content in (found[6], found[8]):
        stated = int(re.findall(rb"/Length (\d+)", content)[0])
        assert len(content.partition(b"stream\n")[2].rpartition(b"\nendstream")[0]) == stated
