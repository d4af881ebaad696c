"""A credit note as a PDF, under an address that says who may see it by being known."""

from aiohttp import web

from s4_devcloud.stripe.pages.pdf import Rule, Text, document
from s4_devcloud.stripe.pages.render import day, money
from s4_devcloud.stripe.wire import Wire
from s4_devcloud.stripe.world import World

_LEFT, _RIGHT = 50, 440  # points
_FIRST_ROW, _ROW, _ROWS = 200, 20, 25
_LONGEST = 70  # letters of a description that fit


class CreditNotePages:
    """The files of all credit notes."""

    def __init__(self, world: World) -> None:
        self._world = world

    def mount(self, app: web.Application) -> None:
        """Add the address."""
        app.router.add_get("/cn/{secret}/pdf", self.download)

    async def download(self, http: web.Request) -> web.Response:
        """The file; 404 for an address that nobody was given."""
        with self._world.transaction() as tx:
            found = [row for row in tx.newest_first("credit_note") if row["pdf"].endswith(http.path)]
        if not found:
            raise web.HTTPNotFound
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        return web.Response(body=pdf_of(found[0]), content_type="application/pdf", headers=headers)


def pdf_of(note: Wire) -> bytes:
    """The file."""
    currency = note["currency"]
    rows = [(str(line["description"])[:_LONGEST], line["amount"]) for line in note["lines"]["data"]]
    rows += [("Tax", tax["amount"]) for tax in note["total_taxes"] if tax["tax_behavior"] == "exclusive"]
    rows.append(("Credited", note["total"]))
    pages = [_page(note, currency, rows[first : first + _ROWS]) for first in range(0, len(rows), _ROWS)]
    return document(pages, f"Credit note {note['number']}")


def _page(note: Wire, currency: str, rows: list[tuple[str, int]]) -> list[Text | Rule]:
    marks: list[Text | Rule] = [
        Text("Credit note", _LEFT, 70, 22, bold=True),
        Text("Made by the local stand-in for Stripe. No money moved.", _LEFT, 90, 8),
        Text(f"Number: {note['number']}", _LEFT, 120),
        Text(f"Date: {day(note['effective_at'])}", _LEFT, 135),
        Text("Void" if note["status"] == "void" else "", _LEFT, 150, bold=True),
        Rule(_FIRST_ROW - 15),
    ]
    for index, (words, amount) in enumerate(rows):
        top = _FIRST_ROW + _ROW * index
        marks += [Text(words, _LEFT, top), Text(money(amount, currency), _RIGHT, top)]
    return marks
