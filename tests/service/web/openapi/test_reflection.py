"""Markup in any place that a stranger can fill comes back as text or not at all."""

from typing import Any
from urllib.parse import quote

import pytest
import requests

from service.web.openapi.asking import check_words
from service.web.openapi.document import METHODS, document, form, parameters
from service.web.openapi.served import Served

WHOLE = document()
MARKUP = "\"'><canary-tag onload=x>{{7*7}}&lt;"
PLACES = [
    (method, path, kind, name)
    for path, item in WHOLE["paths"].items()
    for method in METHODS
    if method in item
    for kind, name in [
        *((each["in"], each["name"]) for each in parameters(WHOLE, path, method)),
        *(("form", field) for field in form(WHOLE, path, method).get("properties", {})),
    ]
    if name not in {"csrf", "X-CSRF-Token"}
]


def send(world: Served, who: str, place: tuple[str, str, str, str], text: str) -> requests.Response:
    """The place holds the text, and everything else is as it should be."""
    method, path, kind, name = place
    known: dict[str, Any] = {"account_id": world.buyer.account_id, "session_id": world.letter_id}
    known |= {"invite_id": world.invite_id, "invoice_id": world.invite_id, "filename": "site.css"}
    if kind == "path":
        known[name] = quote(text.encode("utf-8", "replace"), safe="")
    data = {"csrf": world.csrf, **({name: text} if kind == "form" else {})} if method == "post" else None
    return requests.request(
        method,
        world.site.origin + path.format(**known),
        params={name: text} if kind == "query" else None,
        data=data,
        headers={"Origin": world.site.origin, **({name: text} if kind == "header" else {})},
        cookies=world.cookies_of(who),
        allow_redirects=False,
        timeout=20,
    )


@pytest.mark.parametrize("place", PLACES, ids=" ".join)
@pytest.mark.parametrize("who", ["visitor", "member"])
def test_markup_comes_back_as_text_or_not_at_all(world: Served, who: str, place: tuple[str, str, str, str]) -> None:
    world.signed_in()
    answer = send(world, who, place, MARKUP)
    assert answer.status_code < 500
    assert "<canary-tag" not in answer.text
    assert "49" not in answer.text or "{{7*7}}" in answer.text or "canary-tag" not in answer.text
    assert "canary-tag" not in str(answer.headers)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "text", ["\r\nX-Canary: yes", "\0", "\ud800", "%00", "\u202e", "a" * 5000, "-1", "1e999", "[]"]
)
def test_texts_that_trouble_parsers_are_no_trouble(world: Served, text: str) -> None:
    for place in PLACES:
        if place[2] in {"query", "form"}:
            world.signed_in()
            try:
                answer = send(world, "member", place, text)
            except (UnicodeEncodeError, requests.exceptions.InvalidHeader):
                continue
            assert answer.status_code < 500, place
            assert "X-Canary" not in answer.headers


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "", "a'b<c>"])
def test_no_page_believes_the_host_that_it_is_asked_by(world: Served, host: str) -> None:
    world.signed_in()
    for path in ("/", "/sign-in", "/account", f"/account/{world.buyer.account_id}"):
        answer = requests.get(
            world.site.origin + path,
            headers={"Host": host, "X-Forwarded-Host": host, "X-Forwarded-Proto": "https"},
            cookies=world.cookies_of("member"),
            allow_redirects=False,
            timeout=20,
        )
        assert answer.status_code < 500
        assert "evil" not in answer.text + str(answer.headers)
        assert "a'b<c>" not in answer.text


def test_what_only_the_owner_may_see_is_not_in_any_page_that_was_only_looked_at(world: Served) -> None:
    world.signed_in()
    for path, item in WHOLE["paths"].items():
        if "get" in item and path != "/status/events" and "x-s4-shows" not in item["get"]:
            answer = send(world, "member", ("get", path, "none", ""), "")
            check_words(answer, "")
            assert "swissnum" not in answer.text, path


def test_an_account_of_somebody_else_is_as_if_there_were_none(world: Served) -> None:
    for path, item in WHOLE["paths"].items():
        if not path.startswith("/account/{account_id}"):
            continue
        for method in set(METHODS) & set(item):
            world.signed_in()
            told = []
            for account in (world.other.account_id, "0193d5a0-0000-7000-8000-00000000abcd"):
                url = path.format(account_id=account, invite_id=world.invite_id, invoice_id=world.invite_id)
                answer = requests.request(
                    method,
                    world.site.origin + url,
                    data={"csrf": world.csrf, "request_id": world.invite_id} if method == "post" else None,
                    cookies=world.cookies_of("member"),
                    allow_redirects=False,
                    timeout=20,
                )
                told.append((answer.status_code, answer.text.replace(url, "")))
            assert told[0] == told[1], path
            assert told[0][0] == 404, path
