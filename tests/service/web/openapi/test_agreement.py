"""The document and the routes agree: methods, paths, parameters, forms and statuses."""

import inspect
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from s4_web import app as app_module
from s4_web.app import routes
from service.web.openapi.document import METHODS, document, form, parameters, resolved

SOURCE = Path(app_module.__file__).parent
ROUTES: dict[tuple[str, str], Callable[..., Any]] = {
    (route.method.lower(), route.path): route.handler for route in routes()
}
WHOLE = document()
DOCUMENTED = [
    (method, path)
    for path, item in WHOLE["paths"].items()
    for method in METHODS
    if method in item and not path.startswith("/static/")
]
IN_QUERY = re.compile(r'query\.get(?:all)?\(\s*"(\w+)"|"(\w+)" in request\.query')
IN_FORM = re.compile(r'(?:form|\[FORM\])\.get\(\s*"(\w+)"|(?:form|\[FORM\])\["(\w+)"\]')


def named(pattern: re.Pattern[str], source: str) -> set[str]:
    return {name for found in pattern.findall(source) for name in found if name}


def in_query(method: str, path: str) -> set[str]:
    return {each["name"] for each in parameters(WHOLE, path, method) if each["in"] == "query"}


def test_every_route_is_documented_and_nothing_else_is() -> None:
    assert set(DOCUMENTED) == set(ROUTES)


@pytest.mark.parametrize(("method", "path"), DOCUMENTED)
def test_what_a_path_names_is_a_parameter(method: str, path: str) -> None:
    found = {each["name"] for each in parameters(WHOLE, path, method) if each["in"] == "path"}
    assert found == set(re.findall(r"{(\w+)}", path))


@pytest.mark.parametrize(("method", "path"), DOCUMENTED)
def test_what_a_handler_reads_itself_is_documented_for_it(method: str, path: str) -> None:
    source = inspect.getsource(ROUTES[method, path])
    assert named(IN_QUERY, source) <= in_query(method, path)
    assert named(IN_FORM, source) <= set(form(WHOLE, path, method).get("properties", {}))


def test_what_is_read_anywhere_is_documented_somewhere_and_the_other_way_round() -> None:
    source = "".join(path.read_text() for path in sorted(SOURCE.rglob("*.py")))
    assert named(IN_QUERY, source) - {"v"} == {name for method, path in DOCUMENTED for name in in_query(method, path)}
    said = {name for method, path in DOCUMENTED for name in form(WHOLE, path, method).get("properties", {})}
    assert named(IN_FORM, source) | {"List-Unsubscribe"} == said


@pytest.mark.parametrize(("method", "path"), DOCUMENTED)
def test_every_form_but_the_mail_programs_carries_the_token_of_the_browser(method: str, path: str) -> None:
    if method != "post" or path == "/letters/stop":
        return
    headers = [each["name"] for each in parameters(WHOLE, path, method) if each["in"] == "header"]
    assert "csrf" in form(WHOLE, path, method).get("required", []) or "X-CSRF-Token" in headers


@pytest.mark.parametrize(("method", "path"), DOCUMENTED)
def test_whatever_needs_a_sign_in_says_so(method: str, path: str) -> None:
    operation = WHOLE["paths"][path][method]
    needs = path.startswith("/account") or path == "/sign-in/again"
    assert operation.get("security", []) == ([{"session": []}] if needs else [])
    if needs:
        assert "303" in operation["responses"]


def test_each_operation_has_a_name_of_its_own() -> None:
    names = [WHOLE["paths"][path][method]["operationId"] for method, path in DOCUMENTED]
    assert len(names) == len(set(names))


def test_every_status_of_a_refusal_is_documented_somewhere() -> None:
    refusals = tomllib.loads((SOURCE / "errors.toml").read_text())
    statuses = {str(each["status"]) for each in refusals.values()} - {"405", "500"}
    documented = {status for method, path in DOCUMENTED for status in WHOLE["paths"][path][method]["responses"]}
    assert statuses <= documented


def test_every_reference_leads_somewhere_and_every_schema_is_one() -> None:
    def walk(part: Any) -> None:
        if isinstance(part, dict):
            resolved(WHOLE, part)
            for below in part.values():
                walk(below)
        elif isinstance(part, list):
            for below in part:
                walk(below)

    walk(WHOLE)
    for schema in WHOLE["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
