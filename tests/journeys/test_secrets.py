"""After a signup and a visit to the account, every secret that the run knew is looked for wherever anybody reads."""

import re
from dataclasses import dataclass
from pathlib import Path

from s4_shop.demo.customer import TEST_CARD
from s4_shop.demo.operator import Operator
from s4_shop.shop import Shop
from support.bearers import Collector, guess, spill
from support.buyer import Buyer
from support.canaries import key_line, leaks
from support.given_out import GivenOut, seen_by_support
from support.ledger import SERVICES, Ledger
from support.operator_cli import typed_at
from support.readable import databases, places
from support.stripe_double import StripeDouble
from support.waiting import until

PUBLIC = re.compile(r"public|publishable|user")
# What lets its bearer in, by its form: also what was made while nobody of this run looked.
BEARERS = re.compile(
    r"/p/session/\w|/i/invst|/c/pay/|_secret_\w{8}|\beyJ[\w-]{10,}\.|[?&]token=\w|whsec_\w|[sr]k_test_\w|pb://\w"
    r"|X-Amz-(Signature|Security-Token)=\w|\b\d{9}-[a-z]+-[a-z]+\b"
)


@dataclass(frozen=True)
class Visit:
    """A customer with an address and another that is asked for; every secret of that; what could be read meanwhile."""

    email: str
    other: str
    known: dict[str, str]
    early: dict[str, str]
    page: str


def needles(secrets: dict[str, str]) -> dict[str, str]:
    """What to look for: each secret, or the longest line of one that has many."""
    found = {}
    for name, text in secrets.items():
        line = max(text.split("\n"), key=len).strip()
        if not PUBLIC.search(name):
            assert len(line) >= 8, name
            found[name] = line
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


async def a_whole_visit(shop: Shop, ledger: Ledger, folder: Path) -> Visit:
    """Somebody bought, claimed, and used everything that the account gives out."""
    stripe = StripeDouble(shop.urls["stripe"], shop.urls["stripe-control"], shop.secrets["stripe-secret-key"])
    async with Buyer.visiting(shop, "canary") as buyer:
        collector = Collector(shop, buyer, stripe)
        await collector.buy()
        await buyer.wait_until_ready()
        await collector.sign_in()
        given, other = GivenOut(shop, buyer.customer, collector.account), buyer.email.replace("canary", "elsewhere")
        await given.furl()
        async with given.code(folder / "client"):
            before = await places(shop, ledger) | await databases(shop)
        await given.keys_and_addresses()
        await given.links_of_letters(buyer.email, other)
        await collector.look_at_everything()
        await collector.be_asked_to_confirm()
        link = await until(
            lambda: buyer.customer.letter_link(shop.urls["inbox"], buyer.email), within=30, what="a link"
        )
        furl = await buyer.claim()
    assert furl == given.known["furl of the account"]
    page, of_support = await seen_by_support(shop, buyer.email)
    one_run = {"furl": furl, "tub id": furl[len("pb://") :].split("@")[0], "swissnum": furl.rsplit("/", 1)[1]}
    one_run |= await told_to_the_machine(shop, furl)
    one_run["claim token"] = link.split("/claim?token=")[1]
    card = {"card": TEST_CARD["number"].replace(" ", ""), "card in groups": TEST_CARD["number"]}
    bearers = collector.known | given.known | of_support | {"claim token": one_run["claim token"]}
    await spill(shop, bearers)
    known = needles(dict(shop.secrets)) | one_run | card | bearers | await guess(shop)
    early = {f"{place}, while the code was open": text for place, text in before.items()}
    return Visit(buyer.email, other, known, early, page)


async def test_no_secret_of_a_customers_life_can_be_read_anywhere(shop: Shop, ledger: Ledger, tmp_path: Path) -> None:
    visit = await a_whole_visit(shop, ledger, tmp_path)
    terminal = await typed_at(shop, "show", visit.email)
    assert len(visit.known) > 60
    now = await places(shop, ledger) | await of_the_grid(shop, visit.known["furl"])
    assert all(len(now[f"log of {part}"]) > 500 for part in (*SERVICES, "mailbox"))
    for place, text in now.items():
        assert visit.email not in text or place == "events of billing", place
        assert visit.other not in text or place == "events of web", place
    read = visit.early | now | await databases(shop) | {"terminal": terminal, "support's page": visit.page}
    assert leaks(visit.known, read) == []
    for place, text in read.items():
        if "command lines" not in place:  # other runs of this machine may be among them
            assert BEARERS.search(text) is None, place
