import aiohttp
import pytest
import stripe

from devcloud.stripe.ends import SECRET_KEY, Control, Endpoint
from devcloud.stripe.sdk import CheckedClient
from devcloud.stripe.shop import a_customer, a_session, type_card
from s4_devcloud.stripe.world import World
from support.waiting import until


def patient(world: World, transport: CheckedClient, seconds: float) -> stripe.StripeClient:
    """An SDK that gives up after so many seconds and does not try again."""
    transport._timeout = aiohttp.ClientTimeout(total=seconds)
    return stripe.StripeClient(
        SECRET_KEY, base_addresses={"api": world.settings.public_url}, http_client=transport, max_network_retries=0
    )


async def test_a_rate_limit_is_the_sdks_rate_limit_error(client: stripe.StripeClient, control: Control) -> None:
    await control.post("/faults", match="POST /v1/customers", kind="429")
    with pytest.raises(stripe.RateLimitError):
        await a_customer(client)
    assert (await a_customer(client)).email == "buyer@example.com"


async def test_faults_hit_what_they_match_as_often_as_ordered(client: stripe.StripeClient, control: Control) -> None:
    await control.post("/faults", match="* /v1/prod*", kind="503", times=2)
    await a_customer(client)
    for _ in range(2):
        with pytest.raises(stripe.APIError):
            await client.v1.products.list_async()
    assert (await client.v1.products.list_async()).data == []
    journal = (await control.get("/journal"))["requests"]
    assert [(row["status"], row["fault"]) for row in journal] == [(200, None), (503, "503"), (503, "503"), (200, None)]


async def test_a_proxys_page_is_no_json(client: stripe.StripeClient, control: Control) -> None:
    await control.post("/faults", match="POST /v1/customers", kind="html")
    with pytest.raises(stripe.APIError, match="Bad Gateway"):
        await a_customer(client)


async def test_a_dropped_connection_changes_nothing(client: stripe.StripeClient, control: Control) -> None:
    await control.post("/faults", match="POST /v1/customers", kind="drop")
    with pytest.raises(stripe.APIConnectionError):
        await a_customer(client)
    assert (await client.v1.customers.list_async()).data == []


async def test_a_hanging_request_changes_nothing_and_frees_its_key(
    world: World, http_client: CheckedClient, control: Control
) -> None:
    client = patient(world, http_client, 0.3)
    await control.post("/faults", match="POST /v1/customers", kind="hang")
    keyed: stripe.RequestOptions = {"idempotency_key": "cust:a-1"}
    with pytest.raises(stripe.APIConnectionError):
        await client.v1.customers.create_async({"email": "a@example.com"}, keyed)
    assert (await client.v1.customers.list_async()).data == []
    await until(lambda: not world.keys._entries, within=5, what="the key to be free")
    assert (await client.v1.customers.create_async({"email": "a@example.com"}, keyed)).email == "a@example.com"
    await http_client.aclose()


async def test_an_answer_that_never_came_is_replayed_under_its_key(
    world: World, http_client: CheckedClient, control: Control
) -> None:
    client = patient(world, http_client, 0.3)
    await control.post("/faults", match="POST /v1/customers", kind="commit_then_timeout")
    keyed: stripe.RequestOptions = {"idempotency_key": "cust:a-1"}
    with pytest.raises(stripe.APIConnectionError):
        await client.v1.customers.create_async({"email": "a@example.com"}, keyed)
    again = await client.v1.customers.create_async({"email": "a@example.com"}, keyed)
    assert [row.id for row in (await client.v1.customers.list_async()).data] == [again.id]
    assert http_client.headers[0]["Idempotent-Replayed"] == "true"
    await http_client.aclose()


async def test_the_state_counts_what_there_is(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, control: Control
) -> None:
    session = await a_session(client)
    await type_card(browser, session.url)
    counts = (await control.get("/state"))["counts"]
    one_each = (
        "customer",
        "checkout.session",
        "subscription",
        "invoice",
        "invoice_payment",
        "payment_intent",
        "charge",
    )
    assert {kind: counts[kind] for kind in one_each} == dict.fromkeys(one_each, 1)


async def test_a_reset_forgets_everything_but_the_keys(
    client: stripe.StripeClient, control: Control, endpoint: Endpoint
) -> None:
    await control.post("/webhooks", mode="hold")
    await control.post("/faults", match="nothing", kind="500")
    await control.post("/clock/advance", seconds=3600)
    await a_customer(client)
    state = await control.post("/reset")
    assert (state["counts"], state["faults"], state["webhooks"]["held"]) == ({}, [], [])
    assert (await control.get("/journal")) == {"requests": [], "deliveries": []}
    await a_customer(client)
    await until(lambda: endpoint.received, within=5, what="the webhook after the reset")
    assert len(endpoint.events()) == 1


@pytest.mark.parametrize(
    ("path", "order"),
    [
        ("/faults", {"match": "x", "kind": "explode"}),
        ("/faults", {"match": "x", "kind": "500", "times": 0}),
        ("/faults", {"kind": "500"}),
        ("/faults", {"match": "x", "kind": "500", "typo": 1}),
        ("/webhooks", {"mode": "sideways"}),
        ("/webhooks", {}),
        ("/webhooks/release", {"order": "sorted"}),
        ("/webhooks/release", {"order": ["evt_none"]}),
        ("/clock/advance", {"seconds": -1}),
        ("/clock/advance", {"seconds": 10**12}),
        ("/cards", {"number": "4242424242424242", "behaviour": "sulk"}),
        ("/reset", ["not", "an", "object"]),
    ],
)
async def test_an_order_that_makes_no_sense_is_explained(
    world: World, browser: aiohttp.ClientSession, path: str, order: object
) -> None:
    async with browser.post(f"http://{world.settings.control}{path}", json=order) as answer:
        assert answer.status == 400
        assert (await answer.json())["error"]


async def test_an_order_that_is_no_json_is_explained(world: World, browser: aiohttp.ClientSession) -> None:
    async with browser.post(f"http://{world.settings.control}/faults", data="{") as answer:
        assert (answer.status, await answer.json()) == (400, {"error": "the body is not JSON"})


@pytest.mark.parametrize("kind", ["409", "lock_timeout"])
async def test_a_conflict_changes_nothing_and_the_same_key_works_afterwards(
    client: stripe.StripeClient, control: Control, kind: str
) -> None:
    await control.post("/faults", match="POST /v1/customers", kind=kind)
    keyed: stripe.RequestOptions = {"idempotency_key": "cust:a-1"}
    with pytest.raises(stripe.StripeError):
        await client.v1.customers.create_async({"email": "a@example.com"}, keyed)
    assert (await client.v1.customers.list_async()).data == []
    assert (await client.v1.customers.create_async({"email": "a@example.com"}, keyed)).email == "a@example.com"


async def test_a_body_that_is_cut_off_is_a_connection_error_and_the_work_is_done(
    client: stripe.StripeClient, control: Control
) -> None:
    await control.post("/faults", match="POST /v1/customers", kind="cut_body")
    keyed: stripe.RequestOptions = {"idempotency_key": "cust:a-1"}
    with pytest.raises(stripe.APIConnectionError):
        await client.v1.customers.create_async({"email": "a@example.com"}, keyed)
    again = await client.v1.customers.create_async({"email": "a@example.com"}, keyed)
    assert [row.id for row in (await client.v1.customers.list_async()).data] == [again.id]
    journal = (await control.get("/journal"))["requests"]
    assert [(row["status"], row["fault"], row["replayed"]) for row in journal][:2] == [
        (200, "cut_body", False),
        (200, None, True),
    ]


async def test_a_slow_body_comes_whole_for_who_waits_and_not_at_all_for_who_does_not(
    client: stripe.StripeClient, http_client: CheckedClient, control: Control
) -> None:
    await control.post("/faults", match="POST /v1/customers", kind="slow_body", seconds=0.2)
    assert (await a_customer(client)).email == "buyer@example.com"
    await control.post("/faults", match="GET /v1/customers", kind="slow_body", seconds=60)
    http_client._timeout = aiohttp.ClientTimeout(total=0.3)
    with pytest.raises(stripe.APIConnectionError):
        await client.v1.customers.list_async()
