"""From lines to an invoice, and from a draft to one that is owed."""

from s4_devcloud.stripe.billing import taxes
from s4_devcloud.stripe.billing.settling import settle
from s4_devcloud.stripe.resources.invoice_shape import Bill, due_after_balance, new_invoice, new_invoice_payment
from s4_devcloud.stripe.resources.payment_intents import create_intent
from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire, new_id

DRAFT_SECONDS = 3600  # how long a renewal stays a draft, about as long as at Stripe
PAGE = "_invoice_page"  # the kind of which invoice an address shows, by the secret in it
COLLECTION = "_collection"  # the kind of what belongs to an invoice's collection and is not in the API, by invoice


def compose(tx: Transaction, subscription: Wire, bill: Bill) -> Wire:
    """A draft that nobody has seen yet. Its subscription is not changed."""
    customer = tx.need("customer", subscription["customer"])
    if subscription["automatic_tax"]["enabled"] and taxes.is_located(customer):
        for line in bill.lines:
            price = tx.need("price", line["pricing"]["price_details"]["price"])
            line["taxes"] = taxes.taxes_on(line["amount"], price, customer["tax_exempt"])
    return new_invoice(subscription, customer, bill, tx.now)


def draft(tx: Transaction, subscription: Wire, bill: Bill, *, advances: bool = False) -> Wire:
    """A draft, the subscription's latest invoice; says invoice.created. The caller stores the subscription.

    One that advances is finalized and collected by itself after a while.
    """
    invoice = compose(tx, subscription, bill)
    subscription["latest_invoice"] = invoice["id"]
    if advances:
        invoice.update(auto_advance=True, automatically_finalizes_at=tx.now + DRAFT_SECONDS)
    tx.tell("invoice.created", invoice)
    return tx.put(invoice)


def finalize(tx: Transaction, invoice: Wire, intent: Wire | None = None) -> Wire:
    """Number the invoice and make it owed; says invoice.finalized. With nothing to pay it is paid at once.

    `intent` is a payment intent that is already there for this invoice; without it one is made.
    """
    customer = tx.need("customer", invoice["customer"])
    due, balance = due_after_balance(invoice["total"], customer["balance"])
    page = tx.put({"id": new_id("invst", 40), "object": PAGE, "invoice": invoice["id"]})
    address = f"{tx.public_url}/i/{page['id']}"
    invoice.update(
        amount_due=due,
        amount_remaining=due,
        automatically_finalizes_at=None,
        effective_at=tx.now,
        ending_balance=balance,
        hosted_invoice_url=address,
        invoice_pdf=f"{address}/pdf",
        number=f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04}",
        starting_balance=customer["balance"],
        status="open",
        status_transitions={**invoice["status_transitions"], "finalized_at": tx.now},
    )
    _use_customer(tx, customer, balance)
    tx.put(invoice)
    if due == 0:
        tx.tell("invoice.finalized", invoice)
        return settle(tx, invoice, None)
    intent = intent or create_intent(tx, due, invoice["currency"], invoice["customer"], "Subscription update")
    payment = tx.put(new_invoice_payment(invoice, intent, tx.now))
    tx.put({"id": invoice["id"], "object": COLLECTION, "payment": payment["id"], "intent": intent["id"]})
    tx.tell("invoice.finalized", invoice)
    return invoice


def _use_customer(tx: Transaction, customer: Wire, balance: int) -> None:
    """Count the number that was given, and keep what is left of the balance; says customer.updated if that differs."""
    before = customer["balance"]
    customer.update(balance=balance, next_invoice_sequence=customer["next_invoice_sequence"] + 1)
    if balance != before:
        tx.tell("customer.updated", customer, {"balance": before})
    tx.put(customer)
