"""The demo's customer: pages read as a browser without JavaScript reads them, secrets kept to oneself."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from s4_shop.demo.customer import Customer, Refused, masked
from s4_shop.demo.forms import Page
from s4_shop.demo.operator import Contents
from s4_shop.demo.progress import Progress, follow
from s4_shop.demo.timeline import drawn, shares

SIGNUP = """
<form id="search" method="get"><input name="q"></form>
<form id="signup" method="post" action="/signup"><input type="hidden" name="csrf" value="t0k">
<input name="email" value=""><label><input type="radio" name="plan" value="personal" checked>
<input type="radio" name="plan" value="family"></label><input type="checkbox" name="terms" value="yes">
<select name="country"><option value="US">x</option><option value="DE" selected>y</option></select>
<textarea name="note">hi</textarea><button name="go">Go</button></form><p>after <br> the form <input name="outside"></p>
"""


def test_a_form_carries_its_hidden_and_chosen_values_and_what_was_typed() -> None:
    form = Page(SIGNUP).form("signup")
    assert form is not None
    assert form.filled({"email": "a@b.test"}) == {
        "csrf": "t0k",
        "email": "a@b.test",
        "plan": "personal",
        "country": "DE",
        "note": "",
    }
    assert form.choices == {"plan": ["personal", "family"], "terms": ["yes"]}


def test_the_first_form_that_is_sent_by_post_is_found_without_a_name() -> None:
    form = Page(SIGNUP).form()
    assert form is not None
    assert form.id == "signup"
    assert Page("<p>none</p>").form() is None


def test_the_text_of_an_element_is_found_by_its_id() -> None:
    page = Page('<div id="a">one <code id="furl">pb://x@y/z</code><br><p>never closed</div><p id="b">two</p>')
    assert page.texts["furl"] == "pb://x@y/z"
    assert page.texts["b"] == "two"


def test_a_bucket_is_shown_by_its_largest_shares() -> None:
    sizes = {"meta/usage.json": 70, **{f"shares/aa/aa{number}/0": 1000 * number for number in range(1, 6)}}
    contents = Contents("s4-local-g", sizes)

    assert contents.shares == [f"shares/aa/aa{number}/0" for number in range(1, 6)]
    assert contents.drawn() == [
        "  s4-local-g: 6 objects, 15,070 bytes",
        "          5,000  shares/aa/aa5/0",
        "          4,000  shares/aa/aa4/0",
        "          3,000  shares/aa/aa3/0",
        "              2  more shares",
    ]
    assert Contents("s4-local-g", {}).drawn() == ["  s4-local-g: 0 objects, 0 bytes"]


def test_a_furl_is_never_shown_whole() -> None:
    furl = "pb://kwpgctc6urcuhd4ro4qbkjwpuv5uurgs@tcp:grid.s4.test:34561/swissnumber234567"
    assert masked(furl) == "pb://…@tcp:grid.s4.test:34561/…"


def status_page(state: str, *steps: tuple[str, str, float | None]) -> str:
    lines = []
    for name, step_state, seconds in steps:
        shown = f'<time datetime="PT{seconds}S">x</time>' if seconds is not None else ""
        lines.append(f'<li data-step="{name}" data-state="{step_state}">{shown}</li>')
    return f'<main id="status" data-state="{state}" data-revision="7"><ol>{"".join(lines)}</ol></main>'


def test_only_the_steps_that_changed_are_told() -> None:
    progress = Progress()
    first = progress.read(Page(status_page("provisioning", ("boot", "doing", None), ("node", "todo", None))))
    assert first == [("boot", "doing"), ("node", "todo")]
    second = progress.read(Page(status_page("provisioning", ("boot", "done", 3.5), ("node", "todo", None))))
    assert second == [("boot", "done")]
    assert progress.seconds == {"boot": 3.5}
    assert progress.state == "provisioning"


def test_what_no_step_accounts_for_is_our_own() -> None:
    found = shares({"boot": 4.0, "node": 2.0, "proof": 3.0, "bucket": 0.5}, 10.0)
    assert found["our own overhead"] == pytest.approx(1.0)
    lines = drawn({"boot": 4.0, "node": 2.0, "proof": 3.0}, 10.0)
    assert lines[0] == "  paid to ready in 10.0 s:"
    assert "4.0 s   40%" in lines[1]


def test_a_timeline_of_nothing_is_still_drawn() -> None:
    assert len(drawn({}, 0.0)) == 5


class Site:
    """A site of three pages whose grid gets ready at the third look."""

    def __init__(self) -> None:
        self.looks = 0
        self.sent: list[dict[str, str]] = []
        self.final = "ready"
        self.seconds_from = 0
        self.has_codes = True

    def app(self) -> web.Application:
        app = web.Application()
        app.add_routes(
            [
                web.get("/", self.home),
                web.get("/signup", self.form),
                web.post("/signup", self.submit),
                web.get("/status", self.status),
                web.get("/status/events", self.events),
                web.get("/gone", self.gone),
                web.get("/api/letters", self.letters),
                web.get("/claim", self.claim),
                web.post("/claim", self.furl),
                web.get("/sign-in/link", self.account),
                web.post("/account/7", self.account),
                web.get("/account/7/invites", self.invites),
                web.post("/account/7/invites", self.invites),
            ]
        )
        return app

    async def home(self, _request: web.Request) -> web.Response:
        answer = html("<p>welcome</p>")
        answer.set_cookie("s4", "me")
        return answer

    async def form(self, _request: web.Request) -> web.Response:
        return html(SIGNUP)

    async def submit(self, request: web.Request) -> web.Response:
        typed = {name: str(value) for name, value in (await request.post()).items()}
        self.sent.append({**typed, "origin": request.headers["Origin"], **request.cookies})
        return html("<p>thanks</p>")

    async def status(self, _request: web.Request) -> web.Response:
        self.looks += 1
        state = self.final if self.looks >= 3 else "provisioning"
        seconds = 2.0 if self.looks >= self.seconds_from else None
        return html(status_page(state, ("boot", "done" if self.looks > 1 else "doing", seconds)))

    async def events(self, request: web.Request) -> web.Response:
        assert request.query["after"] == "7"
        return web.Response(text="id: 8\ndata: {}\n\n", content_type="text/event-stream")

    async def gone(self, _request: web.Request) -> web.Response:
        return web.Response(status=410, text='<p id="main">used\nup</p>', content_type="text/html")

    async def letters(self, request: web.Request) -> web.Response:
        site = f"http://{request.host}"
        texts = [f"Hello\n\n{site}/sign-in/link?token=x.y\n", f"Hello\n\n{site}/claim?token=abc.def-g_h\n"]
        known = request.query["to"] == "a@b.test"
        return web.json_response({"letters": [{"text": text} for text in (texts if known else ["nothing here"])]})

    async def account(self, _request: web.Request) -> web.Response:
        return html('<form id="enter" method="post" action="/account/7?done=signed-in"></form>')

    async def invites(self, request: web.Request) -> web.Response:
        code = '<code id="code">\n123-one-two</code>' if request.method == "POST" and self.has_codes else ""
        return html(f'{code}<form id="make" method="post" action="/account/7/invites"></form>')

    async def claim(self, _request: web.Request) -> web.Response:
        return html(
            '<form id="claim" method="post" action="/claim"><input type="hidden" name="token" value="t"></form>'
        )

    async def furl(self, _request: web.Request) -> web.Response:
        return html('<code id="furl"> pb://x@y/z </code>')


def html(text: str) -> web.Response:
    return web.Response(text=text, content_type="text/html")


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
async def customer(site: Site) -> AsyncIterator[Customer]:
    async with TestServer(site.app(), host="127.0.0.1") as server, Customer(f"http://127.0.0.1:{server.port}") as one:
        yield one


async def test_signing_up_sends_the_form_as_a_browser_does(site: Site, customer: Customer) -> None:
    origin = customer.url
    await customer.sign_up("a@b.test")
    assert site.sent == [
        {
            "csrf": "t0k",
            "email": "a@b.test",
            "plan": "personal",
            "terms": "yes",
            "country": "DE",
            "note": "",
            "origin": origin,
            "s4": "me",
        }
    ]


async def test_the_status_page_is_followed_until_the_grid_is_ready(customer: Customer) -> None:
    said: list[str] = []
    progress = await follow(customer, f"{customer.url}/status", said.append, within=10)
    assert progress.state == "ready"
    assert progress.ready_at > 0
    assert [line.split()[2:4] for line in said] == [["boot", "doing"], ["boot", "done"]]


async def test_the_word_of_the_last_step_is_waited_for_a_little(site: Site, customer: Customer) -> None:
    site.seconds_from = 6
    progress = await follow(customer, f"{customer.url}/status", lambda _line: None, within=10)
    assert progress.seconds == {"boot": 2.0}
    assert site.looks == 6


async def test_a_grid_that_cannot_be_made_ends_the_demo_in_words(site: Site, customer: Customer) -> None:
    site.final = "failed"
    with pytest.raises(Refused, match="could not be made"):
        await follow(customer, f"{customer.url}/status", lambda _line: None, within=10)


async def test_a_grid_that_takes_too_long_names_what_is_under_way(site: Site, customer: Customer) -> None:
    site.final = "provisioning"
    with pytest.raises(Refused, match=r"not ready after 0\.5 s; under way"):
        await follow(customer, f"{customer.url}/status", lambda _line: None, within=0.5)


async def test_the_link_is_read_from_the_letter_and_the_furl_from_the_page(customer: Customer) -> None:
    inbox = customer.url
    assert await customer.letter_link(inbox, "stranger@b.test") is None
    link = await customer.letter_link(inbox, "a@b.test")
    assert link == f"{inbox}/claim?token=abc.def-g_h"
    assert await customer.claim(link) == "pb://x@y/z"


async def test_a_code_is_read_from_the_account_of_who_followed_the_link_for_signing_in(
    site: Site, customer: Customer
) -> None:
    link = await customer.letter_link(customer.url, "a@b.test", "sign-in/link")
    assert link is not None
    await customer.sign_in(link)
    assert customer.url.endswith("/account/7?done=signed-in")
    assert await customer.invite_code() == "123-one-two"
    site.has_codes = False
    await customer.sign_in(link)
    with pytest.raises(Refused, match="/account/7/invites shows no invite code"):
        await customer.invite_code()


async def test_a_page_that_refuses_is_named_without_what_may_be_secret(customer: Customer) -> None:
    with pytest.raises(Refused, match=r"/gone answered 410 used up$") as refused:
        await customer.open("/gone?token=secret")
    assert "secret" not in str(refused.value)


async def test_a_missing_form_is_named(customer: Customer) -> None:
    await customer.open("/")
    with pytest.raises(Refused, match="has no form pay-hosted"):
        await customer.pay()
