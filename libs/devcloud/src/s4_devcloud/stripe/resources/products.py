"""/v1/products."""

from stripe.params import ProductCreateParams, ProductListParams, ProductRetrieveParams, ProductUpdateParams

from s4_devcloud.stripe.calls import ANY_LIST, Call, Route, merge_metadata, unset
from s4_devcloud.stripe.lists import page, same
from s4_devcloud.stripe.problems import invalid
from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire, new_id

_PLAIN = ("active", "description", "images", "name", "statement_descriptor", "tax_code", "unit_label", "url")


def routes() -> list[Route]:
    """Create, retrieve, update, list."""
    return [
        Route("POST", "/v1/products", ProductCreateParams, create, (*_PLAIN, "id", "metadata")),
        Route("GET", "/v1/products", ProductListParams, everything, (*ANY_LIST, "active", "ids")),
        Route("GET", "/v1/products/{product}", ProductRetrieveParams, retrieve),
        Route("POST", "/v1/products/{product}", ProductUpdateParams, update, (*_PLAIN, "metadata", "default_price")),
    ]


def create(call: Call) -> Wire:
    """A new product, under the caller's own identifier if one is given; says product.created."""
    return create_product(call.tx, call.params)


def create_product(tx: Transaction, params: Wire) -> Wire:
    """A new product from typed parameters, for its own route and for a price's product_data."""
    name = params.get("id", new_id("prod", 14))
    if tx.get("product", name) is not None:
        raise invalid("Product already exists.", "id", "resource_already_exists")
    product: Wire = {
        "id": name,
        "object": "product",
        "active": True,
        "created": tx.now,
        "default_price": None,
        "description": None,
        "images": [],
        "livemode": False,
        "marketing_features": [],
        "metadata": merge_metadata({}, params.get("metadata", {})),
        "name": params["name"],
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": None,
        "tax_code": None,
        "type": "service",
        "unit_label": None,
        "updated": tx.now,
        "url": None,
    }
    _apply(product, params)
    tx.tell("product.created", product)
    return tx.put(product)


def everything(call: Call) -> Wire:
    """Products, the active ones only or some by identifier."""
    wanted = call.params.get("ids")
    return page(
        call, "product", "/v1/products", same(call, "active"), lambda row: wanted is None or row["id"] in wanted
    )


def retrieve(call: Call) -> Wire:
    """One product."""
    return call.tx.need("product", call.names["product"])


def update(call: Call) -> Wire:
    """Change what was sent; says product.updated."""
    product = call.tx.need("product", call.names["product"])
    before = dict(product)
    _apply(product, call.params)
    if "default_price" in call.params:
        product["default_price"] = call.tx.need("price", call.params["default_price"], "default_price", 400)["id"]
    if "metadata" in call.params:
        product["metadata"] = merge_metadata(product["metadata"], call.params["metadata"])
    product["updated"] = call.tx.now
    previous = {field: value for field, value in before.items() if product[field] != value}
    call.tx.tell("product.updated", product, previous)
    return call.tx.put(product)


def _apply(product: Wire, params: Wire) -> None:
    product.update({field: unset(params[field]) for field in _PLAIN if field in params})
    product["images"] = product["images"] or []
