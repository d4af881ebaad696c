"""What a checkout session and its line items look like."""

from s4_devcloud.stripe.wire import Wire, new_id

_NEVER_SET = (
    *("after_expiration", "allow_promotion_codes", "currency_conversion", "invoice_creation", "origin_context"),
    *("payment_link", "payment_method_configuration_details", "permissions", "recovered_from", "setup_intent"),
    *("shipping_address_collection", "shipping_cost", "submit_type", "wallet_options"),
)
_TEXTS = ("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")
_DEFAULT_LIFE = 24 * 3600  # seconds


def new_session(params: Wire, lines: list[Wire], email: str | None, public_url: str, now: int) -> Wire:
    """An open session from checked parameters."""
    name = new_id("cs_test", 58)
    embedded = params.get("ui_mode", "hosted_page") == "embedded_page"
    session: Wire = {
        "id": name,
        "object": "checkout.session",
        "adaptive_pricing": {"enabled": False},
        "allowed_payment_method_types": params.get("allowed_payment_method_types"),
        "amount_subtotal": sum(line["amount_subtotal"] for line in lines),
        "amount_total": sum(line["amount_total"] for line in lines),
        "automatic_tax": _automatic_tax(params),
        "billing_address_collection": params.get("billing_address_collection"),
        "cancel_url": params.get("cancel_url"),
        "client_reference_id": params.get("client_reference_id"),
        "client_secret": new_id(name + "_secret", 54) if embedded else None,
        "collected_information": None,
        "consent": None,
        "consent_collection": _consent_collection(params),
        "created": now,
        "currency": lines[0]["currency"],
        "custom_fields": [],
        "custom_text": dict.fromkeys(_TEXTS),
        "customer": params.get("customer"),
        "customer_account": None,
        "customer_creation": None if "customer" in params else "always",
        "customer_details": _first_details(email),
        "customer_email": params.get("customer_email"),
        "discounts": [],
        "expires_at": params.get("expires_at", now + _DEFAULT_LIFE),
        "invoice": None,
        "livemode": False,
        "locale": params.get("locale"),
        "metadata": params.get("metadata", {}),
        "mode": "subscription",
        "payment_intent": None,
        "payment_method_collection": params.get("payment_method_collection", "always"),
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "payment_status": "unpaid",
        "phone_number_collection": {"enabled": False},
        "saved_payment_method_options": {
            "allow_redisplay_filters": ["always"],
            "payment_method_remove": "disabled",
            "payment_method_save": None,
        },
        "shipping_options": [],
        "status": "open",
        "subscription": None,
        "success_url": params.get("success_url"),
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": params.get("ui_mode", "hosted_page"),
        "url": None if embedded else f"{public_url}/c/pay/{name}",
        **dict.fromkeys(_NEVER_SET),
    }
    session.update(_optional(params, embedded=embedded))
    return session


def _optional(params: Wire, *, embedded: bool) -> Wire:
    """Fields that are absent from sessions to which they do not apply."""
    fields: Wire = {}
    if "tax_id_collection" in params:
        fields["tax_id_collection"] = {"enabled": params["tax_id_collection"]["enabled"], "required": "never"}
    if embedded:
        fields["redirect_on_completion"] = params.get("redirect_on_completion", "always")
    if "return_url" in params:
        fields["return_url"] = params["return_url"]
    return fields


def new_line(price: Wire, product: Wire, quantity: int) -> Wire:
    """One line of what is bought."""
    amount = price["unit_amount"] * quantity
    return {
        "id": new_id("li"),
        "object": "item",
        "adjustable_quantity": None,
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "currency": price["currency"],
        "description": product["name"],
        "metadata": {},
        "price": price,
        "quantity": quantity,
    }


def _automatic_tax(params: Wire) -> Wire:
    enabled = params.get("automatic_tax", {}).get("enabled", False)
    return {
        "enabled": enabled,
        "liability": {"type": "self"} if enabled else None,
        "provider": "stripe" if enabled else None,
        "status": "requires_location_inputs" if enabled else None,
    }


def _consent_collection(params: Wire) -> Wire | None:
    terms = params.get("consent_collection", {}).get("terms_of_service")
    if terms is None:
        return None
    return {"payment_method_reuse_agreement": None, "promotions": "none", "terms_of_service": terms}


def _first_details(email: str | None) -> Wire | None:
    if email is None:
        return None
    return {
        "address": None,
        "business_name": None,
        "email": email,
        "individual_name": None,
        "name": None,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": None,
    }
