"""The double of Stripe in this process: what people, banks and Stripe itself do there is one call, without a port."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from s4_devcloud.stripe import paying
from s4_devcloud.stripe.api import Api, all_routes
from s4_devcloud.stripe.calls import Call, Route
from s4_devcloud.stripe.cards import Behaviour
from s4_devcloud.stripe.control import Control
from s4_devcloud.stripe.faults import Fault, FaultKind
from s4_devcloud.stripe.forms import parse
from s4_devcloud.stripe.money_control import MoneyControl
from s4_devcloud.stripe.problems import Problem
from s4_devcloud.stripe.reading import read_record
from s4_devcloud.stripe.resources.payment_methods import Payer
from s4_devcloud.stripe.settings import Settings
from s4_devcloud.stripe.shapes import record_of
from s4_devcloud.stripe.wire import Wire
from s4_devcloud.stripe.world import World
from support.stripe_double import GOOD_CARD, PUBLISHABLE_KEY, SECRET_KEY, WEBHOOK_SECRET

DAY = timedelta(days=1)
_PAYER = Payer("A Card", "buyer@example.org", "DE", "10115")
_NAME = re.compile(r"\{(\w+)\}")


def settings(listen: str, webhook_url: str | None = None) -> Settings:
    """For a double whose webhook tries are not what is tested."""
    return Settings(
        listen=listen,
        control="127.0.0.1:0",
        secret_key=SECRET_KEY,
        publishable_key=PUBLISHABLE_KEY,
        public_url=f"http://{listen}",
        webhook_url=webhook_url,
        webhook_secret=WEBHOOK_SECRET,
        retry_seconds=0.02,
        webhook_timeout_seconds=5.0,
    )


class InnerStripe:
    """A world and everybody around it. Prices and products outlive `begin`, everything else is forgotten."""

    def __init__(self, chosen: Settings) -> None:
        self.world = World(chosen)
        self._expander = Api(self.world)._expander
        self._money = MoneyControl(self.world)
        self._control = Control(self.world)
        self._routes = [(route, _pattern(route.path)) for route in all_routes()]
        self._shelf: list[Wire] = []

    def keep_catalogue(self) -> None:
        """What is sold now is there after each `begin`."""
        with self.world.transaction() as tx:
            kinds = ("product", "price")
            self._shelf = [tx.need(kind, each["id"]) for kind in kinds for each in tx.newest_first(kind)]

    def begin(self) -> None:
        """Nothing has happened yet, and it is the machine's time."""
        self.world.reset()
        with self.world.transaction() as tx:
            for thing in self._shelf:
                tx.put(thing)

    def now(self) -> datetime:
        """By the world's clock."""
        return datetime.fromtimestamp(self.world.clock.now(), UTC)

    def call(self, method: str, path: str, **fields: str) -> Wire:
        """One call with the secret key, as somebody at the dashboard causes it. Raises Problem."""
        route, names = self._route(method, path)
        params = read_record(record_of(route.params), parse(fields.items()))
        route.refuse_unsupported(params)
        paths = params.pop("expand", [])
        with self.world.transaction() as tx:
            answer = route.handler(Call(tx, params, names, self.world.settings.public_url))
            return self._expander.expand(tx, answer, paths)

    def does(self, method: str, path: str, **fields: str) -> bool:
        """Whether the call is not refused."""
        try:
            self.call(method, path, **fields)
        except Problem:
            return False
        return True

    def listed(self, path: str, **fields: str) -> list[dict[str, Any]]:
        """Everything that the API lists, newest first."""
        found: list[dict[str, Any]] = []
        after: dict[str, str] = {}
        while True:
            page: dict[str, Any] = self.call("GET", path, limit="100", **fields, **after)
            found += page["data"]
            if not page["has_more"]:
                return found
            after = {"starting_after": page["data"][-1]["id"]}

    def pay(self, session_id: str, number: str = GOOD_CARD) -> str:
        """A person types a card on the page of the session, and confirms if the bank asks; what has come of it."""
        world = self.world
        card = world.issuers.read(number, "12 / 40", "123", world.clock.now())
        with world.transaction() as tx:
            if tx.get("checkout.session", session_id) is None:
                return "closed"
            outcome = paying.pay(tx, session_id, card, _PAYER, consented=True)
        if outcome.state == "authenticate":
            with world.transaction() as tx:
                outcome = paying.authenticate(tx, session_id, passed=True)
        return outcome.state

    def bank(self, behaviour: Behaviour, number: str = GOOD_CARD) -> None:
        """From now on the card's issuer does so."""
        self._control.set_card({"number": number, "behaviour": behaviour})

    def order(self, path: str, **what: object) -> bool:
        """One order about money (disputes, warnings, refunds); false if it makes no sense now."""
        try:
            self._money.orders()[path](dict(what))
        except (Problem, ValueError):
            return False
        return True

    def fault(self, match: str, kind: FaultKind, times: int = 1) -> None:
        """The next calls that match go wrong."""
        self.world.faults.order(Fault(match, kind, times, 0.05))

    def _route(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        for route, pattern in self._routes:
            found = pattern.fullmatch(path) if route.method == method else None
            if found:
                return route, found.groupdict()
        raise LookupError(f"{method} {path}")


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(_NAME.sub(r"(?P<\1>[^/]+)", path))
