"""The portal's page for another card."""

from aiohttp import web

from s4_devcloud.stripe import portal
from s4_devcloud.stripe.pages import form
from s4_devcloud.stripe.pages.portal_visit import Door, Visit, see_other

_FLOW = "payment_method_update"


class CardPages:
    """A card is typed in, perhaps authenticated, and becomes the customer's default."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def show(self, visit: Visit) -> web.Response:
        """The empty form."""
        visit.need(_FLOW)
        return self._form(visit)

    def add(self, visit: Visit) -> web.Response:
        """Try to add what was typed."""
        visit.need(_FLOW)
        world = self._door.world
        try:
            typed = form.read(visit.fields, form.Asked(self._email(visit)), world.issuers, world.clock.now())
        except form.FormRejected as rejected:
            return self._form(visit, 422, rejected.problems)
        with world.transaction() as tx:
            outcome = portal.add_card(tx, visit.secret, typed.card, typed.payer)
        return self._lead_on(visit, outcome)

    def challenge(self, visit: Visit) -> web.Response:
        """The bank's page, while it is waiting for the cardholder."""
        visit.need(_FLOW)
        if not self._is_waiting(visit):
            return see_other(visit.path)
        return self._door.page(visit, "portal_authenticate.html")

    def answer_challenge(self, visit: Visit) -> web.Response:
        """Add or refuse the card as the cardholder chose."""
        visit.need(_FLOW)
        if not self._is_waiting(visit):
            return see_other(visit.path)
        with self._door.world.transaction() as tx:
            outcome = portal.authenticate(tx, visit.secret, passed=visit.fields.get("outcome") == "complete")
        return self._lead_on(visit, outcome)

    def _lead_on(self, visit: Visit, outcome: portal.Outcome) -> web.Response:
        match outcome.state:
            case "authenticate":
                return see_other(visit.path + "/card/authenticate")
            case "declined":
                return self._form(visit, 402, {"number": outcome.message})
            case "added":
                return self._door.completed(visit)

    def _form(self, visit: Visit, status: int = 200, problems: dict[str, str] | None = None) -> web.Response:
        typed = form.kept(visit.fields)
        values = {"problems": problems or {}, "typed": typed, "countries": form.COUNTRIES, "email": self._email(visit)}
        return self._door.page(visit, "portal_card.html", status, **values)

    def _email(self, visit: Visit) -> str | None:
        with self._door.world.transaction() as tx:
            email: str | None = tx.need("customer", visit.session["customer"])["email"]
            return email

    def _is_waiting(self, visit: Visit) -> bool:
        with self._door.world.transaction() as tx:
            return portal.is_waiting(tx, visit.secret)
