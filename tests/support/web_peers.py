"""What the site talks to, at the wire: billing and provisioner that a test can direct, and a person's browser."""

import html
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web
from yarl import URL

BILLING_TOKEN = "billing-token-of-the-tests"
PROVISIONER_TOKEN = "provisioner-token-of-the-tests"
PLANS = [
    {
        "id": "personal",
        "name": "Personal",
        "description": "One grid for one person.",
        "amount": 2500,
        "currency": "usd",
        "interval": "month",
        "quota_bytes": 250_000_000_000,
        "region": "eu-central-1",
    },
    {
        "id": "studio",
        "name": "Studio",
        "description": "For a small team with large files.",
        "amount": 9000,
        "currency": "usd",
        "interval": "month",
        "quota_bytes": 2_000_000_000_000,
        "region": "eu-central-1",
    },
]

PREVIEW = {
    "preview_id": "0193d5a0-0000-7000-8000-00000000abcd",
    "kind": "upgrade",
    "amount_now": 5234,
    "tax_now": 836,
    "currency": "usd",
    "at": "2026-03-01T12:00:00Z",
    "next_amount": 10710,
    "next_at": "2026-04-01T12:00:00Z",
    "lines": [
        {"description": "Studio, 1 March to 1 April 2026", "amount": 6898},
        {"description": "Unused time on Personal", "amount": -2500},
    ],
    "expires_at": "2026-03-01T12:30:00Z",
}
CANNOT = {"cancel": False, "resume": False, "change_plan": False, "pay": False}
ACCESS = {
    "bucket": "s4-test-bucket",
    "region": "eu-central-1",
    "endpoint": None,
    "access_key_id": "ASIAOFTHETESTS",
    "secret_access_key": "secret/of+the'tests",
    "session_token": "session//token+of==",
    "expires_at": "2026-03-01T13:00:00Z",
}
ENDED = {
    "at": "2026-03-01T12:00:00Z",
    "reason": "cancelled",
    "delete_after": "2026-03-31T12:00:00Z",
    "deleted_at": None,
}
CHANGED: dict[tuple[str, str | None], dict[str, Any]] = {
    ("cancel", "period_end"): {"cancel_at": "2026-04-01T12:00:00Z", "can": {**CANNOT, "resume": True}},
    ("cancel", "now"): {"state": "ended", "ended": ENDED, "next": None, "can": CANNOT},
    ("resume", None): {"cancel_at": None, "can": {**CANNOT, "cancel": True, "change_plan": True}},
    ("plan", None): {"plan": "studio", "plan_name": "Studio"},
}


def an_account(account_id: str, signup_id: str, **changed: Any) -> dict[str, Any]:
    """An account as billing tells of it: active, one bill paid."""
    invoice = {
        "id": "0193d5a0-0000-7000-8000-000000001001",
        "number": "S4-0001",
        "at": "2026-03-01T12:00:00Z",
        "status": "paid",
        "total": 2975,
        "tax": 475,
        "amount_paid": 2975,
        "amount_refunded": 0,
        "currency": "usd",
    }
    return {
        "account_id": account_id,
        "signup_id": signup_id,
        "plan": "personal",
        "plan_name": "Personal",
        "state": "active",
        "trial_end": None,
        "period_end": "2026-04-01T12:00:00Z",
        "cancel_at": None,
        "next": {"amount": 2500, "currency": "usd", "at": "2026-04-01T12:00:00Z", "tax_extra": True},
        "pending_plan": None,
        "failing": None,
        "disputed": False,
        "ended": None,
        "invoices": [invoice],
        "refunds": [],
        "can": {**CANNOT, "cancel": True, "change_plan": True},
        "revision": 3,
        "retention_days": 30,
        **changed,
    }


class Peer:
    """A service of ours as seen from the site; ``is_down`` makes it break every connection off."""

    def __init__(self, token: str) -> None:
        self.is_down = False
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.url = ""
        self._token = token
        self._next: dict[str, tuple[int, object]] = {}

    def answer_next(self, path: str, status: int, body: object) -> None:
        self._next[path] = (status, body)

    def bodies(self, path: str) -> list[dict[str, Any]]:
        return [body for called, body in self.calls if called == path]

    async def answer(self, _path: str, _body: dict[str, Any]) -> tuple[int, object]:
        raise NotImplementedError

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if self.is_down:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if request.headers.get("Authorization") != f"Bearer {self._token}":
            return web.json_response({"code": "service-token-required"}, status=401)
        body = await request.json() if request.can_read_body else {}
        self.calls.append((request.path, body))
        status, answer = (
            self._next.pop(request.path) if request.path in self._next else await self.answer(request.path, body)
        )
        return web.json_response(answer, status=status)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        try:
            yield
        finally:
            await runner.cleanup()


class PretendBilling(Peer):
    """Sells two plans; a checkout stays open until the test says otherwise."""

    def __init__(self) -> None:
        super().__init__(BILLING_TOKEN)
        self.plans: list[dict[str, Any]] = list(PLANS)
        self.is_open = True
        self.is_taxed = False
        self.is_sold_out = False
        self.checkouts: dict[str, str] = {}
        self.page_url = "https://checkout.stripe.test/pay/cs_test_1"
        self.accounts: dict[str, dict[str, Any]] = {}
        self.portal_url = "https://billing.stripe.test/p/session/secret"
        self.preview: dict[str, Any] = dict(PREVIEW)

    async def answer(self, path: str, body: dict[str, Any]) -> tuple[int, object]:
        if path == "/plans":
            return 200, {"plans": self.plans, "open": self.is_open, "tax_extra": self.is_taxed}
        if path.startswith("/accounts/"):
            return self._of_account(path.split("/")[2], "/".join(path.split("/")[3:]), body)
        if path == "/checkouts":
            is_paid = self.checkouts.setdefault(body["checkout_id"], "open") == "paid"
            if is_paid or self.is_sold_out:
                return 409, {"code": "already-paid" if is_paid else "sold-out"}
            secret, url = ("cs_test_1_secret_2", None) if body["ui"] == "embedded" else (None, self.page_url)
            return 200, {
                "checkout_id": body["checkout_id"],
                "state": "open",
                "client_secret": secret,
                "url": url,
                "expires_at": "2026-01-01T00:31:00Z",
            }
        state = self.checkouts.get(path.split("/")[2])
        if state is None:
            return 404, {"code": "no-such-checkout"}
        return 200, {"state": state, "plan": "personal", "subscription_id": None}

    def _of_account(self, account_id: str, what: str, body: dict[str, Any]) -> tuple[int, object]:
        account = self.accounts.get(account_id)
        if account is None:
            return 404, {"code": "no-such-account"}
        if what == "portal":
            return 200, {"url": self.portal_url}
        if what.endswith("/pdf"):
            is_known = what.split("/")[1] in {invoice["id"] for invoice in account["invoices"]}
            return (
                (200, {"url": "https://billing.stripe.test/i/1.pdf"})
                if is_known
                else (404, {"code": "no-such-invoice"})
            )
        if what == "plan-preview":
            return 200, {**self.preview, "plan": body["plan"]}
        if what in {"cancel", "resume", "plan"}:
            account |= CHANGED[what, body.get("when")]
        return 200, account


class PretendProvisioner(Peer):
    """Holds furls by grid, and the keys of what is stored; ``lists_left`` is how many lists it gives out yet."""

    def __init__(self) -> None:
        super().__init__(PROVISIONER_TOKEN)
        self.furls: dict[tuple[str, str], str] = {}
        self.stored: dict[str, list[str]] = {}
        self.lists_left: int | None = None
        self.access = dict(ACCESS)

    async def answer(self, path: str, body: dict[str, Any]) -> tuple[int, object]:
        grid_id = path.split("/")[2]
        furl = self.furls.get((grid_id, body["account_id"]))
        if furl is None:
            return 404, {"code": "no-such-grid"}
        if path.endswith("/export/session"):
            return 200, self.access
        if path.endswith("/export/objects"):
            return self._objects(sorted(self.stored.get(grid_id, [])), body)
        return 200, {"furl": furl, "nickname": "s4-quiet-otter", "shares": {"needed": 1, "happy": 1, "total": 1}}

    def _objects(self, keys: list[str], body: dict[str, Any]) -> tuple[int, object]:
        if self.lists_left == 0:
            return 503, {"code": "aws-unavailable"}
        if self.lists_left is not None:
            self.lists_left -= 1
        found = [key for key in keys if key > (body["after"] or "")]
        given = found[: body["limit"]]
        objects = [
            {"key": key, "size": len(key), "modified": "2026-02-28T12:00:00Z", "url": f"https://s3.test/{key}?X-Amz=1"}
            for key in given
        ]
        following = given[-1] if len(found) > len(given) else None
        return 200, {"objects": objects, "next": following, "urls_until": "2026-03-01T13:00:00Z"}


class Page:
    """An answer as a person sees it."""

    def __init__(self, status: int, text: str, headers: Any, url: URL) -> None:
        self.status, self.text, self.headers, self.url = status, text, headers, url

    @property
    def place(self) -> str:
        """Where a redirect leads."""
        return str(self.headers.get("Location", ""))

    @property
    def heading(self) -> str:
        found = re.search(r"<h1>(.*?)</h1>", self.text, re.DOTALL)
        return html.unescape(found[1]).strip() if found else ""

    def value(self, name: str) -> str:
        """The value of the first input of that name."""
        tag = re.search(rf'<input[^>]* name="{name}"[^>]*>', self.text)
        assert tag, f"no input named {name} in {self.text[:2000]}"
        found = re.search(r' value="([^"]*)"', tag[0])
        return html.unescape(found[1]) if found else ""

    def element(self, ident: str) -> str:
        """The text of an element without elements in it."""
        found = re.search(rf'<(\w+) id="{ident}"[^>]*>([^<]*)</\1>', self.text)
        assert found, f"no element {ident}"
        return html.unescape(found[2])

    @property
    def state(self) -> str:
        found = re.search(r'<main id="status"[^>]* data-state="([^"]+)"', self.text)
        return found[1] if found else ""

    @property
    def steps(self) -> dict[str, str]:
        return dict(re.findall(r'<li data-step="([^"]+)" data-state="([^"]+)"', self.text))


class Browser:
    """One browser: it keeps cookies, follows no redirect by itself and runs no script."""

    def __init__(self, origin: str, session: aiohttp.ClientSession) -> None:
        self.origin = origin
        self.session = session

    async def get(self, path: str, **more: Any) -> Page:
        return await self._ask("GET", path, **more)

    async def post(self, path: str, form: dict[str, str] | None = None, **more: Any) -> Page:
        headers = {"Origin": self.origin, "Sec-Fetch-Site": "same-origin", **more.pop("headers", {})}
        return await self._ask("POST", path, data=form, headers=headers, **more)

    async def _ask(self, method: str, path: str, **more: Any) -> Page:
        async with self.session.request(method, self.origin + path, allow_redirects=False, **more) as answer:
            return Page(answer.status, await answer.text(), answer.headers, answer.url)

    async def csrf(self) -> str:
        return (await self.get("/sign-in")).value("csrf")

    async def sign_up(self, email: str = "ada@example.com", plan: str = "personal", **more: str) -> Page:
        """Fill in the form as it is offered, and send it."""
        form = {"email": email, "plan": plan, "terms": "yes", "csrf": await self.csrf(), **more}
        return await self.post("/signup", form)


@asynccontextmanager
async def a_browser(origin: str) -> AsyncIterator[Browser]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield Browser(origin, session)
