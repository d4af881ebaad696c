"""Asking the site as the document says, as somebody, and what no answer may be."""

import html
from typing import Any

from schemathesis import Case, Response
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from s4_runtime import new_id
from service.web.openapi.document import Operation
from service.web.openapi.served import Served
from support.pretend_invites import INVITES_TOKEN
from support.web_peers import ACCESS, BILLING_TOKEN, PROVISIONER_TOKEN
from support.web_site import FURL

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# What only one kind of answer may hold (the document's x-s4-shows), and what none may.
SHOWN = {
    "furl": ("swissnumswissnum",),
    "invite-code": ("-bakelo-nurima",),
    "export-keys": (str(ACCESS["secret_access_key"]), str(ACCESS["session_token"])),
    "export-addresses": ("X-Amz=1",),
    "client-secret": ("cs_test_1_secret_2",),
}
NEVER = (BILLING_TOKEN, PROVISIONER_TOKEN, INVITES_TOKEN, "a cookie key of the tests", "Traceback", "asyncpg")
_PARTS = ("path_parameters", "query", "headers", "cookies", "body")
_OFTEN_SAFE = 4  # characters; shorter ones with a bracket stand in any page


def fill(case: Case[Any], world: Served, *, own: bool, token: str) -> None:
    """The form is of this browser; with ``own``, the ids are of things that its person has."""
    if own:
        known = {"account_id": world.buyer.account_id, "session_id": world.letter_id, "invite_id": world.invite_id}
        for name in set(known) & set(case.path_parameters or {}):
            case.path_parameters[name] = known[name]
    if isinstance(case.body, dict):
        case.body |= {"csrf": world.csrf}
        case.body |= {"token": token} if "token" in case.body else {}
        case.body |= {"request_id": new_id()} if own and "request_id" in case.body else {}
    if case.query and "token" in case.query:
        case.query["token"] = token
    if "X-CSRF-Token" in case.headers:
        case.headers["X-CSRF-Token"] = world.csrf


def ask(case: Case[Any], world: Served, who: str) -> Response:
    """The answer, which is none that may not be given."""
    answer = case.call(base_url=world.site.origin, cookies=world.cookies_of(who), allow_redirects=False, timeout=20)
    if answer.status_code not in {304, 405}:
        case.validate_response(answer, checks=CHECKS)
    check_words(answer, str(case.operation.definition.raw.get("x-s4-shows", "")))
    for text in texts(case):
        assert text not in answer.content.decode("utf-8", "replace"), f"reflected: {text!r}"
    return answer


def check_words(answer: Any, shows: str) -> None:
    """No secret but the one that this answer is for."""
    said = answer.content.decode("utf-8", "replace") + str(answer.headers)
    for secret in (*NEVER, *(one for name, found in SHOWN.items() for one in found if name != shows)):
        assert secret not in said
    assert FURL not in str(answer.headers)


def texts(case: Case[Any]) -> list[str]:
    """All that was sent and could be markup."""
    found: list[str] = []
    for part in _PARTS:
        sent = getattr(case, part, None)
        values = sent.values() if isinstance(sent, dict) else [sent]
        found += [value for value in values if isinstance(value, str)]
    return [text for text in found if len(text) >= _OFTEN_SAFE and "<" in text and html.escape(text) != text]


def names_its_place(operation: Operation) -> bool:
    """Whether the path holds something that is filled in."""
    return "{" in operation.path
