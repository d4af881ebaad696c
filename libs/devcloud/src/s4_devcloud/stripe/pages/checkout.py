"""The payment page: shown, filled in, authenticated, done. Without JavaScript."""

from dataclasses import dataclass

from aiohttp import web

from s4_devcloud.stripe import paying
from s4_devcloud.stripe.billing import pricing
from s4_devcloud.stripe.pages import form
from s4_devcloud.stripe.pages.render import Renderer, origin_of
from s4_devcloud.stripe.resources.sessions import lines_in
from s4_devcloud.stripe.wire import Wire
from s4_devcloud.stripe.world import World


@dataclass(frozen=True)
class Place:
    """Where the page is shown: alone, or in a frame of the site at `framed_by`."""

    session_id: str
    path: str
    framed_by: str | None = None


class Checkout:
    """The page of one session, wherever it is shown."""

    def __init__(self, world: World, renderer: Renderer) -> None:
        self._world = world
        self._renderer = renderer

    def show(self, place: Place) -> web.Response:
        """The form while the session is open; else what became of it."""
        session, _ = self._session(place)
        return self._form(place) if session["status"] == "open" else self._closed(place, session)

    def pay(self, place: Place, fields: dict[str, str]) -> web.Response:
        """Try to pay with what was typed. A session that was paid meanwhile is not charged again."""
        session, _ = self._session(place)
        if session["status"] != "open":
            return self._after(place, session)
        try:
            typed = form.read(fields, form.asked_by(session), self._world.issuers, self._world.clock.now())
        except form.FormRejected as rejected:
            return self._form(place, 422, problems=rejected.problems, typed=form.kept(fields))
        with self._world.transaction() as tx:
            outcome = paying.pay(tx, place.session_id, typed.card, typed.payer, consented=typed.consented)
        return self._lead_on(place, outcome, form.kept(fields))

    def challenge(self, place: Place) -> web.Response:
        """The bank's page, while it is waiting for the cardholder."""
        session, waiting = self._session(place)
        if session["status"] != "open" or not waiting:
            return self.show(place)
        with self._world.transaction() as tx:
            cost = pricing.cost_of(tx, session)
        return self._page("authenticate.html", place, session, cost=cost)

    def answer_challenge(self, place: Place, fields: dict[str, str]) -> web.Response:
        """Finish or fail the payment as the cardholder chose."""
        with self._world.transaction() as tx:
            outcome = paying.authenticate(tx, place.session_id, passed=fields.get("outcome") == "complete")
        return self._lead_on(place, outcome, {})

    def _lead_on(self, place: Place, outcome: paying.Outcome, typed: dict[str, str]) -> web.Response:
        match outcome.state:
            case "authenticate":
                return _see_other(place.path + "/authenticate")
            case "declined":
                return self._form(place, 402, problems={"number": outcome.message}, typed=typed)
            case "paid" | "closed":
                session, _ = self._session(place)
                return self._form(place) if session["status"] == "open" else self._after(place, session)

    def _after(self, place: Place, session: Wire) -> web.Response:
        """Where the browser goes once the session is closed."""
        if session["status"] == "complete" and place.framed_by is None and session["success_url"] is not None:
            return _see_other(with_id(session["success_url"], session))
        return self._closed(place, session)

    def _closed(self, place: Place, session: Wire) -> web.Response:
        if session["status"] == "expired":
            return self._page("expired.html", place, session, 410)
        if place.framed_by is None:
            return self._page("paid.html", place, session)
        return self._page("paid_in_frame.html", place, session, completion=completion(session))

    def _form(
        self,
        place: Place,
        status: int = 200,
        problems: dict[str, str] | None = None,
        typed: dict[str, str] | None = None,
    ) -> web.Response:
        session, _ = self._session(place)
        with self._world.transaction() as tx:
            lines, cost = lines_in(tx, session), pricing.cost_of(tx, session)
        values: dict[str, object] = {
            "lines": lines,
            "cost": cost,
            "problems": problems or {},
            "typed": typed or form.kept({}),
            "countries": form.COUNTRIES,
        }
        asked = form.asked_by(session)
        values |= {"email": asked.email, "terms": asked.terms}
        return self._page("pay.html", place, session, status, **values)

    def _page(self, template: str, place: Place, session: Wire, status: int = 200, **values: object) -> web.Response:
        goes_to = origin_of(session["success_url"])
        return self._renderer.page(
            template, status, framed_by=place.framed_by, goes_to=goes_to, place=place, session=session, **values
        )

    def _session(self, place: Place) -> tuple[Wire, bool]:
        """The session, and whether its bank waits for the cardholder. Raises Problem if there is none."""
        with self._world.transaction() as tx:
            session = tx.need("checkout.session", place.session_id)
            return session, paying.is_waiting(tx, place.session_id)


def with_id(url: str, session: Wire) -> str:
    """The address with its placeholder replaced by the session's identifier."""
    return url.replace("{CHECKOUT_SESSION_ID}", str(session["id"]))


def completion(session: Wire) -> Wire:
    """What the frame tells the page around it: go somewhere, or just call back."""
    goes = session["redirect_on_completion"] == "always"  # a card never needs a redirect, so if_required does not
    return {"session": session["id"], "return_url": with_id(session["return_url"], session) if goes else None}


def _see_other(url: str) -> web.Response:
    return web.Response(status=303, headers={"Location": url, "Cache-Control": "no-store"})
