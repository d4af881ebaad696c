"""The claim: a link is used once, by its owner, and only when the furl was really shown."""

import asyncio
import base64
import hashlib
import hmac
import json

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from s4_contracts.web import FurlClaimed, InviteRequested
from s4_runtime import new_id
from support.web_peers import Browser, Page
from support.web_site import FURL, Buyer, RunningSite, public_pem


async def claim(browser: Browser, token: str) -> Page:
    """Open the link and press the button, if there is one."""
    page = await browser.get("/claim", params={"token": token})
    if page.status != 200:
        return page
    return await browser.post("/claim", {"csrf": page.value("csrf"), "token": page.value("token")})


async def test_the_owner_is_shown_the_furl_and_what_to_type(site: RunningSite, browser: Browser) -> None:
    buyer = await site.an_owner(browser)
    page = await claim(browser, buyer.link())
    assert page.status == 200
    assert page.element("furl") == FURL
    assert page.element("create").replace(" \\\n ", "") == (
        f"tahoe create-client --introducer={FURL} --nickname=s4-quiet-otter"
        " --shares-needed=1 --shares-happy=1 --shares-total=1 ~/s4-grid"
    )
    assert page.element("get") == "tahoe -d ~/s4-grid get home:hello.txt hello-again.txt"
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    (claimed,) = await site.emitted()
    assert isinstance(claimed, FurlClaimed)
    assert (claimed.account_id, claimed.grid_id, claimed.claim_ref) == (
        buyer.account_id,
        buyer.grid_id,
        buyer.claim_ref,
    )
    assert "You have opened your link" in (await browser.get("/status")).text


async def test_looking_at_the_link_uses_nothing_up(site: RunningSite, browser: Browser) -> None:
    buyer = await site.an_owner(browser)
    async with site.browser() as scanner:
        for _ in range(3):
            page = await scanner.get("/claim", params={"token": buyer.link()})
            assert (page.status, FURL in page.text) == (200, False)
            assert (page.headers["Cache-Control"], page.headers["Referrer-Policy"]) == ("no-store", "no-referrer")
    assert site.provisioner.calls == []
    assert (await claim(browser, buyer.link())).element("furl") == FURL


async def test_the_letter_may_be_opened_in_a_browser_without_a_signup(site: RunningSite, browser: Browser) -> None:
    buyer = await site.an_owner(browser)
    async with site.browser() as phone:
        assert (await claim(phone, buyer.link())).element("furl") == FURL


async def test_a_used_link_is_gone_for_every_other_browser_and_offers_a_new_one(
    site: RunningSite, browser: Browser
) -> None:
    buyer = await site.an_owner(browser)
    await claim(browser, buyer.link())
    async with site.browser() as other:
        page = await claim(other, buyer.link())
        assert (page.status, page.heading) == (410, "This link was used already")
        form = {"csrf": page.value("csrf"), "token": page.value("token")}
        assert (await other.post("/claim", form)).status == 410
        sent = await other.post("/claim/letter", form)
        assert (sent.status, sent.place) == (303, "/claim/sent")
        assert (await other.get("/claim/sent")).heading == "A new link is on its way"
    told = await site.emitted()
    assert [type(event).__name__ for event in told] == ["FurlClaimed", "InviteRequested"]


async def test_the_same_browser_may_see_the_furl_again_for_ten_minutes(site: RunningSite, browser: Browser) -> None:
    buyer = await site.an_owner(browser)
    for _ in range(2):
        assert (await claim(browser, buyer.link())).element("furl") == FURL
    await site.later(minutes=9.9)
    assert (await claim(browser, buyer.link())).element("furl") == FURL
    await site.later(minutes=0.2)
    assert (await claim(browser, buyer.link())).status == 410
    assert len(await site.emitted()) == 1


async def test_of_two_browsers_at_once_one_sees_the_furl(site: RunningSite, browser: Browser) -> None:
    buyer = await site.an_owner(browser)
    async with site.browser() as one, site.browser() as two:
        pages = [await each.get("/claim", params={"token": buyer.link()}) for each in (one, two)]
        forms = [{"csrf": page.value("csrf"), "token": page.value("token")} for page in pages]
        shown = await asyncio.gather(one.post("/claim", forms[0]), two.post("/claim", forms[1]))
    assert sorted(page.status for page in shown) == [200, 410]
    assert len(await site.emitted()) == 1


@pytest.mark.parametrize("what", ["silent", "503", "nonsense"])
async def test_a_provisioner_that_is_down_uses_no_link_up(site: RunningSite, browser: Browser, what: str) -> None:
    buyer = await site.an_owner(browser)
    path = f"/grids/{buyer.grid_id}/furl"
    if what == "503":
        site.provisioner.answer_next(path, 503, {"code": "database-unavailable"})
    if what == "nonsense":
        site.provisioner.answer_next(path, 200, {"furl": 7})
    site.provisioner.is_down = what == "silent"
    page = await claim(browser, buyer.link())
    assert (page.status, page.heading) == (503, "Your key cannot be fetched right now")
    assert await site.emitted() == []
    site.provisioner.is_down = False
    async with site.browser() as elsewhere:
        assert (await claim(elsewhere, buyer.link())).element("furl") == FURL


@pytest.mark.parametrize(
    ("answer", "status", "heading"),
    [
        ((404, {"code": "no-such-grid"}), 404, "There is no such grid"),
        ((409, {"code": "claim-ref-stale"}), 410, "This link is out of date"),
        ((410, {"code": "gone"}), 410, "This grid is not there any more"),
    ],
)
async def test_what_the_provisioner_refuses_uses_no_link_up(
    site: RunningSite, browser: Browser, answer: tuple[int, object], status: int, heading: str
) -> None:
    buyer = await site.an_owner(browser)
    site.provisioner.answer_next(f"/grids/{buyer.grid_id}/furl", *answer)
    page = await claim(browser, buyer.link())
    assert (page.status, page.heading) == (status, heading)
    assert await site.count("claims") == 0
    assert (await claim(browser, buyer.link())).element("furl") == FURL


async def test_an_expired_link_is_gone_and_still_good_for_asking_again(site: RunningSite, browser: Browser) -> None:
    buyer = await site.an_owner(browser)
    token = buyer.link()
    await site.later(days=8)
    page = await claim(browser, token)
    assert (page.status, page.heading) == (410, "This link has expired")
    form = {"csrf": page.value("csrf"), "token": page.value("token")}
    assert (await browser.post("/claim", form)).status == 410
    assert (await browser.post("/claim/letter", form)).status == 303
    assert [type(event) for event in await site.emitted()] == [InviteRequested]
    assert site.provisioner.calls == []


async def test_another_persons_link_is_refused_and_stays_good(site: RunningSite, browser: Browser) -> None:
    buyer = await site.an_owner(browser)
    async with site.browser() as other:
        csrf = await other.csrf()
        await site.an_owner(other)
        page = await claim(other, buyer.link())
        assert (page.status, page.heading) == (403, "This link belongs to another account")
        form = {"csrf": csrf, "token": buyer.link()}
        assert (await other.post("/claim", form)).status == 403
        assert (await other.post("/claim/letter", form)).status == 403
    assert await site.emitted() == []
    assert (await claim(browser, buyer.link())).element("furl") == FURL


async def test_who_owns_two_grids_may_claim_both(site: RunningSite, browser: Browser) -> None:
    first = await site.an_owner(browser)
    page = await browser.get(f"/signup?another={first.signup_id}")
    form = {name: page.value(name) for name in ("csrf", "another")}
    await browser.post("/signup", {**form, "email": "ada@example.com", "plan": "studio", "terms": "yes"})
    second = await site.buyer()
    await second.gets_a_grid()
    for buyer in (first, second):
        assert (await claim(browser, buyer.link())).element("furl") == FURL


def _with_header(token: str, header: dict[str, str], signature: bytes | None = None) -> str:
    head = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
    _, body, old = token.split(".")
    sign = old if signature is None else base64.urlsafe_b64encode(signature).rstrip(b"=").decode()
    return f"{head}.{body}.{sign}"


def _confused(site: RunningSite, buyer: Buyer) -> str:
    """Signed with the public key as if it were a shared secret."""
    bare = _with_header(buyer.link(), {"alg": "HS256", "typ": "JWT"}, b"").rpartition(".")[0]
    mac = hmac.new(public_pem(site.letter_key).encode(), bare.encode(), hashlib.sha256).digest()
    return _with_header(buyer.link(), {"alg": "HS256", "typ": "JWT"}, mac)


async def test_a_link_that_the_notifier_did_not_make_is_404(site: RunningSite, browser: Browser) -> None:
    buyer = await site.an_owner(browser)
    good = buyer.link()
    forged = {
        "empty": "",
        "nonsense": "not-a-token",
        "cut in two": good[: len(good) // 2],
        "changed": good[:-4] + ("AAAA" if good[-4:] != "AAAA" else "BBBB"),
        "another key": buyer.link(Ed25519PrivateKey.generate()),
        "no algorithm": _with_header(good, {"alg": "none", "typ": "JWT"}, b""),
        "an algorithm mixed up": _confused(site, buyer),
        "another audience": buyer.link(aud="s4-billing"),
        "no audience": buyer.link(aud=None),
        "another issuer": buyer.link(iss="s4-web"),
        "no end": buyer.link(exp=None),
        "an end that is none": buyer.link(exp="never"),
        "no letter": buyer.link(jti=None),
        "a letter that is no id": buyer.link(jti="1"),
        "no grid": buyer.link(grid=None),
        "a grid that climbs": buyer.link(grid="../../plans"),
        "a reference that is a list": buyer.link(ref=["a"]),
        "long": good + "A" * 5000,
        "not of this alphabet": "ключ." * 3,
    }
    for name, token in forged.items():
        page = await claim(browser, token)
        assert (name, page.status) == (name, 404)
        posted = await browser.post("/claim", {"csrf": await _csrf(browser, good), "token": token})
        assert (name, posted.status) == (name, 404)
    assert site.provisioner.calls == []
    assert await site.count("claims") == 0


async def _csrf(browser: Browser, good: str) -> str:
    return (await browser.get("/claim", params={"token": good})).value("csrf")


async def test_a_link_without_a_token_is_404(site: RunningSite, browser: Browser) -> None:
    page = await browser.get("/claim")
    assert (page.status, page.heading) == (404, "This link is not one of ours")
    assert page.headers["Referrer-Policy"] == "no-referrer"


async def test_an_unknown_grid_in_a_genuine_link_is_404(site: RunningSite, browser: Browser) -> None:
    buyer = await site.an_owner(browser)
    assert (await claim(browser, buyer.link(grid=new_id()))).status == 404


async def test_neither_furl_nor_link_is_ever_logged_stored_or_told(
    site: RunningSite, browser: Browser, capsys: pytest.CaptureFixture[str]
) -> None:
    buyer = await site.an_owner(browser)
    token = buyer.link()
    await claim(browser, token)
    await browser.get("/claim", params={"token": token + "x"})
    logged = capsys.readouterr()
    kept = ""
    for table in ("outbox", "feed", "claims", "journeys", "signups", "counters", "letters", "steps"):
        rows = await site.pool.fetch(f"SELECT t::text AS row FROM {table} t")  # noqa: S608  our own tables
        kept += "".join(row["row"] for row in rows)
    assert "/claim" in logged.out
    for secret in (FURL, "swissnum", token, jwt.get_unverified_header(token)["alg"] + "." + token, token.split(".")[2]):
        assert secret not in logged.out + logged.err + kept
