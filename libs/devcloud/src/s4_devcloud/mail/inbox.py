"""The web inbox: pages for people, JSON for programs, faults on order."""

import aiohttp_jinja2
import jinja2
import msgspec
from aiohttp import web

from s4_devcloud.mail.faults import Fault, Faults
from s4_devcloud.mail.mailbox import Letter, Mailbox
from s4_devcloud.mail.reports import NowhereToReport, Order, Reporter

# The letter's own HTML is shown in a frame that may load and run nothing.
_POLICY = "default-src 'none'; style-src 'self' 'unsafe-inline'; frame-src 'self'; img-src data:; form-action 'self'"
_FRAME_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox allow-popups allow-top-navigation"
)


class Inbox:
    """Reading what arrived."""

    def __init__(self, mailbox: Mailbox, faults: Faults, reporter: Reporter) -> None:
        self._mailbox = mailbox
        self._faults = faults
        self._reporter = reporter

    def application(self) -> web.Application:
        """The inbox as an aiohttp application."""
        app = web.Application()
        aiohttp_jinja2.setup(app, loader=jinja2.PackageLoader("s4_devcloud.mail"), autoescape=True)
        app.add_routes(
            [
                web.get("/", self.page),
                web.get("/letters/{number:\\d+}", self.letter_page),
                web.get("/letters/{number:\\d+}/html", self.letter_html),
                web.get("/api/letters", self.list_letters),
                web.delete("/api/letters", self.clear),
                web.post("/api/faults", self.add_fault),
                web.delete("/api/faults", self.clear_faults),
                web.post("/api/reports", self.report),
            ]
        )
        return app

    async def page(self, request: web.Request) -> web.Response:
        """The list, newest first."""
        return self._render("inbox.html", request, letters=self._mailbox.letters())

    async def letter_page(self, request: web.Request) -> web.Response:
        """One letter."""
        return self._render("letter.html", request, letter=self._find(request))

    async def letter_html(self, request: web.Request) -> web.Response:
        """The letter's HTML part alone, for the frame."""
        headers = {"Content-Security-Policy": _FRAME_POLICY}
        return web.Response(text=self._find(request).html, content_type="text/html", headers=headers)

    async def list_letters(self, request: web.Request) -> web.Response:
        """Letters as JSON, newest first; ?to=ADDRESS keeps those to one address."""
        letters = self._mailbox.letters(request.query.get("to"))
        return web.Response(body=msgspec.json.encode({"letters": letters}), content_type="application/json")

    async def clear(self, _request: web.Request) -> web.Response:
        """Throw all letters away."""
        self._mailbox.clear()
        return web.json_response({"letters": []})

    async def add_fault(self, request: web.Request) -> web.Response:
        """Make a fault due, given as {"reply", "times", "at", "recipient"}."""
        try:
            fault = msgspec.json.decode(await request.read(), type=Fault)
        except msgspec.DecodeError as error:
            return web.json_response({"error": str(error)}, status=422)
        self._faults.add(fault)
        return web.Response(body=msgspec.json.encode(fault), content_type="application/json", status=201)

    async def clear_faults(self, _request: web.Request) -> web.Response:
        """Refuse nothing any more."""
        self._faults.clear()
        return web.json_response({})

    async def report(self, request: web.Request) -> web.Response:
        """Send a report about a letter back, ordered as {"number", "kind", "status", "to"}; how it was answered."""
        try:
            order = msgspec.json.decode(await request.read(), type=Order)
            return web.json_response({"reply": await self._reporter.send(order)})
        except msgspec.DecodeError as error:
            return web.json_response({"error": str(error)}, status=422)
        except NowhereToReport:
            return web.json_response({"error": "no such letter, or nowhere to send the report"}, status=409)

    def _find(self, request: web.Request) -> Letter:
        letter = self._mailbox.letter(int(request.match_info["number"]))
        if letter is None:
            raise web.HTTPNotFound
        return letter

    def _render(self, template: str, request: web.Request, **context: object) -> web.Response:
        response = aiohttp_jinja2.render_template(template, request, context)
        response.headers["Content-Security-Policy"] = _POLICY
        response.headers["Referrer-Policy"] = "no-referrer"
        return response
