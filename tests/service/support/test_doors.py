"""Nobody comes in without an operator's token, and no other page makes an operator's browser do anything."""

from datetime import timedelta

import aiohttp
import pytest
from msgspec.structs import replace
from yarl import URL

from s4_contracts.billing import SignupPaid
from s4_runtime import Secret
from support.support_page import (
    OTHER_TOKEN,
    TOKEN,
    Customer,
    Operator,
    SupportPage,
    served,
    settings_of,
    support_page,
)

CLOSED = ("/", "/audit", "/accounts/0193d5a0-0000-7000-8000-00000000abcd")


async def test_without_a_session_every_page_leads_to_the_sign_in(desk: SupportPage) -> None:
    customer = Customer()
    await desk.hears(customer.event(SignupPaid))
    async with desk.browser() as stranger:
        for path in (*CLOSED, f"/accounts/{customer.account}", f"/accounts/{customer.account}/address", "/nowhere"):
            page = await stranger.get(path)
            assert (page.status, page.place, page.text) == (303, "/sign-in", "")
        csrf = (await stranger.get("/sign-in")).value("csrf")
        for path in ("/find", "/leave", f"/accounts/{customer.account}/address"):
            assert (await stranger.post(path, {"csrf": csrf})).place == "/sign-in"


async def test_a_token_opens_a_session_under_its_operators_name(desk: SupportPage) -> None:
    async with desk.browser() as ada, desk.browser() as grace:
        assert (await ada.sign_in(f" {TOKEN} ")).place == "/"
        await grace.sign_in(OTHER_TOKEN)
        assert ">ada</span>" in (await ada.get("/")).text
        assert ">grace</span>" in (await grace.get("/")).text
    assert [row[:2] for row in await desk.audit()] == [("ada", "signed-in"), ("grace", "signed-in")]


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], TOKEN + "x", f"ada:{TOKEN}", "ada", "\udcff", "é"])
async def test_what_is_no_token_opens_nothing(desk: SupportPage, token: str) -> None:
    async with desk.browser() as stranger:
        csrf = (await stranger.get("/sign-in")).value("csrf")
        body = f"csrf={csrf}&token=" + "".join(f"%{byte:02x}" for byte in token.encode("utf-8", "surrogateescape"))
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        async with stranger.session.post(desk.settings.public_url + "/sign-in", data=body, headers=kind) as answer:
            assert answer.status in {400, 403}
            text = await answer.text()
        assert token == "" or token not in text
        assert (await stranger.get("/")).status == 303
    assert await desk.count("sessions") == 0


async def test_wrong_tokens_are_limited_and_a_right_one_does_not_help_then(support_database: str) -> None:
    async with support_page(support_database, wrong_tokens_per_address=3) as desk, desk.browser() as operator:
        assert [(await operator.sign_in("wrong")).status for _ in range(4)] == [403, 403, 403, 429]
        assert (await operator.sign_in()).status == 429
        await desk.clock.advance(timedelta(hours=1))
        assert (await operator.sign_in()).status == 303


async def test_a_right_token_takes_wrong_ones_off_the_count(support_database: str) -> None:
    async with support_page(support_database, wrong_tokens_per_address=3) as desk, desk.browser() as operator:
        for _ in range(3):
            assert [(await operator.sign_in(token)).status for token in ("wrong", "wrong", TOKEN)] == [403, 403, 303]


async def test_a_session_ends_with_its_age_and_by_signing_out(desk: SupportPage, operator: Operator) -> None:
    page = await operator.get("/")
    assert (await operator.post("/leave", {"csrf": page.value("csrf")})).place == "/sign-in"
    assert (await operator.get("/")).status == 303
    await operator.sign_in()
    await desk.clock.advance(desk.settings.session_age)
    assert (await operator.get("/")).status == 303


@pytest.mark.parametrize("tokens", [[f"grace:{OTHER_TOKEN}"], ["ada:another-token-that-is-long-enough"]])
async def test_a_session_ends_when_its_token_is_taken_away_or_changed(
    desk: SupportPage, operator: Operator, tokens: list[str]
) -> None:
    other = settings_of(desk.settings.database_url.reveal(), cookie_key=desk.settings.cookie_key)
    replica = SupportPage(desk.pool, replace(other, operator_tokens=[Secret(token) for token in tokens]))
    async with aiohttp.ClientSession() as session, served(replica, session):
        cookies = operator.session.cookie_jar.filter_cookies(URL(desk.settings.public_url))
        sent = {name: morsel.value for name, morsel in cookies.items()}
        url = replica.settings.public_url + "/"
        async with aiohttp.ClientSession(cookies=sent) as moved, moved.get(url, allow_redirects=False) as answer:
            assert answer.status == 303


async def test_a_form_of_another_page_does_nothing(desk: SupportPage, operator: Operator) -> None:
    csrf = (await operator.get("/")).value("csrf")
    form = {"csrf": csrf, "asked": "x"}
    strange = [
        ({"Origin": "https://evil.example"}, form),
        ({"Sec-Fetch-Site": "cross-site"}, form),
        ({}, {**form, "csrf": "0" * 64}),
        ({}, {"asked": "x"}),
    ]
    for headers, sent in strange:
        assert (await operator.post("/find", sent, headers=headers)).status == 403
    async with desk.browser() as other:
        theirs = (await other.get("/sign-in")).value("csrf")
    assert (await operator.post("/find", {**form, "csrf": theirs})).status == 403


async def test_a_new_session_has_a_new_cookie(desk: SupportPage) -> None:
    async with desk.browser() as operator:
        before = (await operator.get("/sign-in")).headers["Set-Cookie"]
        after = (await operator.sign_in()).headers["Set-Cookie"]
        assert before.split(";")[0] != after.split(";")[0]
        for attribute in ("HttpOnly", "SameSite=Strict", "Path=/"):
            assert attribute in after


async def test_over_https_the_cookie_is_bound_to_the_host(support_database: str) -> None:
    async with support_page(support_database, public_url="https://support.example") as desk:
        url = f"http://{desk.settings.listen}/sign-in"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            cookie, policies = answer.headers["Set-Cookie"], answer.headers
        assert cookie.startswith("__Host-s4-support=")
        assert "Secure" in cookie
        assert policies["Strict-Transport-Security"]


async def test_every_answer_carries_the_policies(desk: SupportPage, operator: Operator) -> None:
    customer = Customer()
    await desk.hears(customer.event(SignupPaid))
    for path in ("/", "/audit", "/sign-in", "/nowhere", f"/accounts/{customer.account}", "/static/support.css"):
        page = await operator.get(path)
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert page.headers["X-Frame-Options"] == "DENY"
        assert page.headers["Cache-Control"] == "no-store"
        assert "<script" not in page.text
        assert " style=" not in page.text


@pytest.mark.parametrize("body", [b"\xff", b"a=1&a=2", b"a=%00", b"&".join(b"f%d=1" % each for each in range(99))])
async def test_what_is_no_form_of_ours_is_refused(operator: Operator, body: bytes) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await operator.browser._ask("POST", "/find", data=body, headers=headers)).status == 400
    assert (await operator.browser._ask("POST", "/find", json={})).status == 400
    assert (await operator.browser._ask("POST", "/find", data=b"x=" + b"y" * 20_000, headers=headers)).status == 413
    assert (await operator.browser._ask("DELETE", "/audit")).status == 405
