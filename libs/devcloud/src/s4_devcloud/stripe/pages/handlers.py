"""Addresses of the pages."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from s4_devcloud.stripe.pages.checkout import Checkout, Place
from s4_devcloud.stripe.pages.credit_note import CreditNotePages
from s4_devcloud.stripe.pages.frames import Frames
from s4_devcloud.stripe.pages.invoice import InvoicePages
from s4_devcloud.stripe.pages.portal import Portal
from s4_devcloud.stripe.pages.render import Renderer, asset
from s4_devcloud.stripe.problems import Problem
from s4_devcloud.stripe.world import World

_CROSS_ORIGIN = {"Access-Control-Allow-Origin": "*"}  # Stripe.js runs on any site; the key decides
_Handler = Callable[[web.Request], Awaitable[web.Response]]


class Pages:
    """Mounts the pages on the server."""

    def __init__(self, world: World) -> None:
        self._renderer = Renderer()
        self._frames = Frames(world)
        self._checkout = Checkout(world, self._renderer)
        self._world = world

    def mount(self, app: web.Application) -> None:
        """Add every page; the same four handlers serve the hosted page and the one in a frame."""
        for path, place_of in (("/c/pay/{session}", self._hosted), ("/c/frame/{frame}", self._framed)):
            app.router.add_get(path, self._shown(place_of))
            app.router.add_post(path, self._sent(place_of, self._checkout.pay))
            app.router.add_get(path + "/authenticate", self._challenged(place_of))
            app.router.add_post(path + "/authenticate", self._sent(place_of, self._checkout.answer_challenge))
        Portal(self._world, self._renderer).mount(app)
        InvoicePages(self._world, self._renderer).mount(app)
        CreditNotePages(self._world).mount(app)
        app.router.add_post("/c/frames", self.open_frame)
        app.router.add_get("/v3/stripe.js", _static("stripe.js", "text/javascript"))
        app.router.add_get("/v3/frame.js", _static("frame.js", "text/javascript"))
        app.router.add_get("/c/pay.css", _static("pay.css", "text/css"))
        app.router.add_get("/p/portal.css", _static("portal.css", "text/css"))

    async def open_frame(self, http: web.Request) -> web.Response:
        """The address of a frame for a publishable key and a client secret; errors in the API's shape."""
        fields = await http.post()
        try:
            name = self._frames.open(
                str(fields.get("key", "")), str(fields.get("client_secret", "")), http.headers.get("Origin")
            )
        except Problem as problem:
            return web.json_response(problem.body(), status=problem.status, headers=_CROSS_ORIGIN)
        address = f"{self._world.settings.public_url}/c/frame/{name}"
        return web.json_response({"frame": address}, headers=_CROSS_ORIGIN)

    def _hosted(self, http: web.Request) -> Place:
        name = http.match_info["session"]
        with self._world.transaction() as tx:
            session = tx.need("checkout.session", name)
        if session["ui_mode"] != "hosted_page":
            raise Problem(404, "This session has no page of its own.")
        return Place(name, f"/c/pay/{name}")

    def _framed(self, http: web.Request) -> Place:
        name = http.match_info["frame"]
        frame = self._frames.get(name)
        return Place(frame.session_id, f"/c/frame/{name}", frame.origin)

    def _shown(self, place_of: Callable[[web.Request], Place]) -> _Handler:
        async def show(http: web.Request) -> web.Response:
            return self._or_missing(lambda: self._checkout.show(place_of(http)))

        return show

    def _challenged(self, place_of: Callable[[web.Request], Place]) -> _Handler:
        async def show(http: web.Request) -> web.Response:
            return self._or_missing(lambda: self._checkout.challenge(place_of(http)))

        return show

    def _sent(
        self, place_of: Callable[[web.Request], Place], act: Callable[[Place, dict[str, str]], web.Response]
    ) -> _Handler:
        async def receive(http: web.Request) -> web.Response:
            fields = {name: value for name, value in (await http.post()).items() if isinstance(value, str)}
            return self._or_missing(lambda: act(place_of(http), fields))

        return receive

    def _or_missing(self, make: Callable[[], web.Response]) -> web.Response:
        try:
            return make()
        except Problem:
            return self._renderer.page("missing.html", 404)


def _static(name: str, content_type: str) -> _Handler:
    async def serve(_: web.Request) -> web.Response:
        return asset(name, content_type)

    return serve
