"""The page of one invoice: what it charges for, its PDF, and a way to pay what is owed. Without JavaScript."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from s4_devcloud.stripe import invoice_paying
from s4_devcloud.stripe.invoice_paying import Outcome
from s4_devcloud.stripe.pages import form
from s4_devcloud.stripe.pages.invoice_pdf import pdf_of
from s4_devcloud.stripe.pages.render import Renderer
from s4_devcloud.stripe.problems import Problem
from s4_devcloud.stripe.wire import Wire
from s4_devcloud.stripe.world import World

_Act = Callable[[str, dict[str, str]], web.Response]


class InvoicePages:
    """The pages of all invoices; the secret in an address is all that it takes to see one."""

    def __init__(self, world: World, renderer: Renderer) -> None:
        self._world = world
        self._renderer = renderer

    def mount(self, app: web.Application) -> None:
        """Add the pages."""
        app.router.add_get("/i/{secret}", self._guarded(self.show))
        app.router.add_get("/i/{secret}/pdf", self._guarded(self.download))
        app.router.add_post("/i/{secret}", self._guarded(self.pay_by_card))
        app.router.add_post("/i/{secret}/default", self._guarded(self.pay_by_default))
        app.router.add_get("/i/{secret}/authenticate", self._guarded(self.challenge))
        app.router.add_post("/i/{secret}/authenticate", self._guarded(self.answer_challenge))

    def show(self, secret: str, _: dict[str, str]) -> web.Response:
        """The invoice."""
        return self._page(secret)

    def download(self, secret: str, _: dict[str, str]) -> web.Response:
        """The invoice as a file."""
        with self._world.transaction() as tx:
            invoice = invoice_paying.invoice_behind(tx, secret)
        headers = {
            "Cache-Control": "no-store",
            "Content-Disposition": f'attachment; filename="Invoice-{invoice["number"]}.pdf"',
            "X-Content-Type-Options": "nosniff",
        }
        return web.Response(body=pdf_of(invoice), content_type="application/pdf", headers=headers)

    def pay_by_default(self, secret: str, _: dict[str, str]) -> web.Response:
        """Pay with the card on file."""
        with self._world.transaction() as tx:
            outcome = invoice_paying.pay_by_default(tx, secret)
        return self._lead_on(secret, outcome, "default", {})

    def pay_by_card(self, secret: str, fields: dict[str, str]) -> web.Response:
        """Pay with what was typed."""
        world = self._world
        with world.transaction() as tx:
            asked = form.Asked(invoice_paying.invoice_behind(tx, secret)["customer_email"])
        try:
            typed = form.read(fields, asked, world.issuers, world.clock.now())
        except form.FormRejected as rejected:
            return self._page(secret, 422, rejected.problems, fields)
        with world.transaction() as tx:
            outcome = invoice_paying.pay_by_card(tx, secret, typed.card, typed.payer)
        return self._lead_on(secret, outcome, "number", fields)

    def challenge(self, secret: str, _: dict[str, str]) -> web.Response:
        """The bank's page, while it is waiting for the cardholder."""
        with self._world.transaction() as tx:
            invoice, waiting = invoice_paying.invoice_behind(tx, secret), invoice_paying.is_waiting(tx, secret)
        if not waiting:
            return _see_other(f"/i/{secret}")
        return self._renderer.page("invoice_authenticate.html", invoice=invoice, path=f"/i/{secret}")

    def answer_challenge(self, secret: str, fields: dict[str, str]) -> web.Response:
        """Finish or fail the payment as the cardholder chose."""
        with self._world.transaction() as tx:
            outcome = invoice_paying.authenticate(tx, secret, passed=fields.get("outcome") == "complete")
        return self._lead_on(secret, outcome, "number", {})

    def _lead_on(self, secret: str, outcome: Outcome, field: str, typed: dict[str, str]) -> web.Response:
        match outcome.state:
            case "authenticate":
                return _see_other(f"/i/{secret}/authenticate")
            case "declined":
                return self._page(secret, 402, {field: outcome.message}, typed)
            case "paid" | "closed":
                return _see_other(f"/i/{secret}")

    def _page(
        self,
        secret: str,
        status: int = 200,
        problems: dict[str, str] | None = None,
        typed: dict[str, str] | None = None,
    ) -> web.Response:
        with self._world.transaction() as tx:
            invoice = invoice_paying.invoice_behind(tx, secret)
            card: Wire | None = invoice_paying.card_on_file(tx, invoice)
        return self._renderer.page(
            "invoice.html",
            status,
            invoice=invoice,
            path=f"/i/{secret}",
            card=card,
            owed=invoice_paying.is_owed(invoice),
            countries=form.COUNTRIES,
            problems=problems or {},
            typed=form.kept(typed or {}),
            email=invoice["customer_email"],
        )

    def _guarded(self, act: _Act) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def answer(http: web.Request) -> web.Response:
            sent = await http.post() if http.method == "POST" else {}
            fields = {name: value for name, value in sent.items() if isinstance(value, str)}
            try:
                return act(http.match_info["secret"], fields)
            except Problem:
                return self._renderer.page("missing.html", 404)

        return answer


def _see_other(path: str) -> web.Response:
    return web.Response(status=303, headers={"Location": path, "Cache-Control": "no-store"})
