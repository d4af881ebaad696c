"""After a signup and a visit to the account, every secret that the run knew is looked for wherever anybody reads."""

import re

import aiohttp
import asyncpg

from s4_shop.demo.customer import TEST_CARD
from s4_shop.demo.operator import Operator
from s4_shop.shop import Shop
from support.bearers import Collector, guess, spill
from support.buyer import Buyer
from support.canaries import command_lines, key_line
from support.ledger import SERVICES, Ledger
from support.operator_cli import typed_at
from support.stripe_double import StripeDouble
from support.waiting import until

PUBLIC = re.compile(r"public|publishable|user")
PREPARATIONS = ("queues", "databases", "catalogue", "hosted-zone", *(f"{service}-migrate" for service in SERVICES))
PARTS = (*SERVICES, *PREPARATIONS, "rabbitmq", "postgres", "supervisor")
# What lets its bearer in, by its form: also what was made while nobody of this run looked.
BEARERS = re.compile(
    r"/p/session/\w|/i/invst|/c/pay/|_secret_\w{8}|\beyJ[\w-]{10,}\.|[?&]token=\w|whsec_\w|[sr]k_test_\w|pb://\w"
)


def needles(secrets: dict[str, str]) -> dict[str, str]:
    """What to look for: each secret, or the longest line of one that has many."""
    found = {}
    for name, text in secrets.items():
        line = max(text.split("\n"), key=len).strip()
        if not PUBLIC.search(name):
            assert len(line) >= 8, name
            found[name] = line
    return found


async def haystacks(shop: Shop, ledger: Ledger) -> dict[str, str]:
    """Logs, events on their way out and in, metrics, processes' command lines, and names and tags at AWS."""
    found = {f"log of {part}": shop.log(part) for part in PARTS}
    for service in SERVICES:
        rows = await ledger.rows(service, "SELECT type, body, headers FROM outbox")
        found[f"events of {service}"] = "\n".join(str(dict(row)) for row in rows)
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{shop.urls[f'{service}-probes']}/metrics") as answer,
        ):
            found[f"metrics of {service}"] = await answer.text()
    found["command lines"] = command_lines()
    iam, instances = ledger.aws("iam"), ledger.aws("ec2").describe_instances()
    for reservation in instances["Reservations"]:
        for instance in reservation["Instances"]:
            found[f"instance {instance['InstanceId']}"] = str(instance)
    found["roles"] = str(iam.list_roles()["Roles"])
    found["buckets"] = str(ledger.buckets())
    return found


LOG = {
    "nspawn": "sudo -n journalctl --quiet --output=cat --unit=s4-grid@{grid}.service",
    "sshd": 'cat "$(dirname "$S4_HOST_CONFIG")/grids/.host/{grid}.log"',
}
HOMES = {"nspawn": "sudo -n cat /var/lib/s4/grids/{grid}/", "sshd": 'cat "$(dirname "$S4_HOST_CONFIG")"/grids/{grid}/'}
LENT = re.compile(r"^aws_(access_key_id|secret_access_key|session_token) = (\S+)$", re.MULTILINE)


async def told_to_the_machine(shop: Shop, furl: str) -> dict[str, str]:
    """What s4-host was told of the grid: keys of its two nodes, and the session for its bucket."""
    operator = Operator(shop)
    machine = await operator.machine_of(furl)
    cat = HOMES[shop.wiring.options.driver].format(grid=machine.grid)
    lent = dict(LENT.findall(await operator.run(machine, f"{cat}storage/private/lent-credentials")))
    assert len(lent) == 3
    nodes = {each: await operator.run(machine, f"{cat}{each}/private/node.pem") for each in ("introducer", "storage")}
    return {f"session's {name}": value for name, value in lent.items()} | {
        f"key of the {node}": key_line(pem) for node, pem in nodes.items()
    }


async def of_the_grid(shop: Shop, furl: str) -> dict[str, str]:
    """The node's log on its machine, and its bucket: names of objects, and what is in them."""
    operator = Operator(shop)
    machine = await operator.machine_of(furl)
    log = await operator.run(machine, LOG[shop.wiring.options.driver].format(grid=machine.grid))
    objects = await operator.objects_of(machine.grid)
    assert "grid.serving" in log
    assert not re.search(r"(AKIA|ASIA|LKIA)[A-Z0-9]{12}", log), "an access key"
    assert any(key.startswith("shares/") for key in objects)
    text = "\n".join([*objects, *(content.decode("latin-1") for content in objects.values())])
    return {"log of the node": log, "the bucket": text}


async def database(shop: Shop, service: str) -> str:
    """Every row of every table of the service."""
    connection = await asyncpg.connect(shop.database_url(service))
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        names = [table["tablename"] for table in tables]
        rows = [await connection.fetch(f'SELECT * FROM "{name}"') for name in names]  # noqa: S608  names of our own
    finally:
        await connection.close()
    return "\n".join(str(dict(row)) for found in rows for row in found)


async def a_whole_visit(shop: Shop) -> tuple[str, dict[str, str]]:
    """The address of somebody who bought, claimed and went everywhere; and every secret of that."""
    stripe = StripeDouble(shop.urls["stripe"], shop.urls["stripe-control"], shop.secrets["stripe-secret-key"])
    async with Buyer.visiting(shop, "canary") as buyer:
        collector = Collector(shop, buyer, stripe)
        await collector.buy()
        await buyer.wait_until_ready()
        await collector.sign_in()
        await collector.look_at_everything()
        await collector.be_asked_to_confirm()
        link = await until(
            lambda: buyer.customer.letter_link(shop.urls["inbox"], buyer.email), within=30, what="a link"
        )
        furl = await buyer.claim()
    one_run = {"furl": furl, "tub id": furl[len("pb://") :].split("@")[0], "swissnum": furl.rsplit("/", 1)[1]}
    one_run |= await told_to_the_machine(shop, furl)
    one_run["claim token"] = link.split("/claim?token=")[1]
    card = {"card": TEST_CARD["number"].replace(" ", ""), "card in groups": TEST_CARD["number"]}
    await spill(shop, collector.known | {"claim token": one_run["claim token"]})
    return buyer.email, one_run | card | collector.known | await guess(shop)


async def test_no_secret_of_a_customers_life_can_be_read_anywhere(shop: Shop, ledger: Ledger) -> None:
    email, of_the_visit = await a_whole_visit(shop)
    terminal = await typed_at(shop, "show", email)
    wanted = needles(dict(shop.secrets)) | of_the_visit
    assert len(wanted) > 30
    assert min(map(len, wanted.values())) >= 8
    places = await haystacks(shop, ledger) | await of_the_grid(shop, wanted["furl"])
    assert all(len(places[f"log of {service}"]) > 500 for service in SERVICES)
    for place, text in places.items():
        assert email not in text or place == "events of billing", place
    for service in SERVICES:
        places[f"database of {service}"] = await database(shop, service)
    for place, text in {**places, "terminal": terminal}.items():
        assert [name for name, needle in wanted.items() if needle in text] == [], place
        if place != "command lines":  # other runs of this machine may be among them
            assert BEARERS.findall(text) == [], place
