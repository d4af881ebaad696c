"""The committed document of the site's public HTTP."""

from pathlib import Path
from typing import Any

import schemathesis
import yaml
from schemathesis import APIOperation
from schemathesis.core.result import Ok

PATH = Path(__file__).parents[4] / "docs/reference/web.openapi.yaml"
METHODS = ("get", "post")

Document = dict[str, Any]
Operation = APIOperation[Any, Any, Any, Any]


def document() -> Document:
    """As it is committed."""
    found: Document = yaml.safe_load(PATH.read_text(encoding="utf-8"))
    return found


def resolved(whole: Document, part: Any) -> Any:
    """The part, or what it refers to."""
    while isinstance(part, dict) and "$ref" in part:
        found: Any = whole
        for name in part["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        part = found
    return part


def parameters(whole: Document, path: str, method: str) -> list[Document]:
    """The operation's parameters, those of its path included."""
    item = whole["paths"][path]
    return [resolved(whole, each) for each in [*item.get("parameters", []), *item[method].get("parameters", [])]]


def form(whole: Document, path: str, method: str) -> Document:
    """The schema of the form that the operation takes; empty for none."""
    body = resolved(whole, whole["paths"][path][method].get("requestBody", {}))
    found: Document = resolved(
        whole, body.get("content", {}).get("application/x-www-form-urlencoded", {}).get("schema", {})
    )
    return found


def operations() -> list[Operation]:
    """Every operation, as schemathesis sees it."""
    read = list(schemathesis.openapi.from_dict(document()).get_all_operations())
    found = [each.ok() for each in read if isinstance(each, Ok)]
    assert len(found) == len(read), "the document has a part that is none of OpenAPI's"
    return found


def label(operation: Operation) -> str:
    """Method and path."""
    return f"{operation.method.upper()} {operation.path}"
