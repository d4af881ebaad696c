"""What a dispute looks like."""

from s4_devcloud.stripe.wire import Wire, new_id

DUE_AFTER = 10 * 24 * 3600  # seconds to answer; networks give between one and three weeks
_FEE = 1500  # minor units, Stripe's for an account in the United States
WORDS_OF_EVIDENCE = (
    *("access_activity_log", "billing_address", "cancellation_policy_disclosure", "cancellation_rebuttal"),
    *("customer_email_address", "customer_name", "customer_purchase_ip", "duplicate_charge_explanation"),
    *("duplicate_charge_id", "product_description", "refund_policy_disclosure", "refund_refusal_explanation"),
    *("service_date", "shipping_address", "shipping_carrier", "shipping_date", "shipping_tracking_number"),
    "uncategorized_text",
)
_FILES_OF_EVIDENCE = (
    *("cancellation_policy", "customer_communication", "customer_signature", "duplicate_charge_documentation"),
    *("receipt", "refund_policy", "service_documentation", "shipping_documentation", "uncategorized_file"),
)
_NETWORK_CODES = {"fraudulent": "10.4", "product_not_received": "13.1", "subscription_canceled": "13.2"}


def new_dispute(charge: Wire, reason: str, amount: int, now: int, *, is_inquiry: bool) -> Wire:
    """A dispute that waits for an answer; an inquiry takes no money."""
    return {
        "id": new_id("du"),
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys((*WORDS_OF_EVIDENCE, *_FILES_OF_EVIDENCE)), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": now + DUE_AFTER,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": is_inquiry,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {
                "brand": charge["payment_method_details"]["card"]["brand"],
                "case_type": "inquiry" if is_inquiry else "chargeback",
                "network_reason_code": _NETWORK_CODES.get(reason, "11.3"),
            },
            "type": "card",
        },
        "reason": reason,
        "status": "warning_needs_response" if is_inquiry else "needs_response",
    }


def movement(dispute: Wire, now: int, *, comes_back: bool) -> Wire:
    """The line in the account's balance for money that goes or, without the fee, comes back."""
    amount, fee = (dispute["amount"], 0) if comes_back else (-dispute["amount"], _FEE)
    about = f"Chargeback {'reversal' if comes_back else 'withdrawal'} for {dispute['charge']}"
    detail = {"amount": fee, "application": None, "currency": dispute["currency"], "type": "stripe_fee"}
    return {
        "id": new_id("txn"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": now,
        "balance_type": "payments",
        "created": now,
        "currency": dispute["currency"],
        "description": about,
        "exchange_rate": None,
        "fee": fee,
        "fee_details": [{**detail, "description": "Dispute fee"}] if fee else [],
        "net": amount - fee,
        "reporting_category": "dispute_reversal" if comes_back else "dispute",
        "source": dispute["id"],
        "status": "available",
        "type": "adjustment",
    }
