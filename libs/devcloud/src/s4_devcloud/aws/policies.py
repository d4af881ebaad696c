"""IAM's policy language: what documents say of a request. Pure.

AWS, "Policy evaluation logic": an explicit Deny wins, an Allow is needed; what no statement speaks of is not allowed.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

Verdict = Literal["allow", "deny", "none"]
Statement = dict[str, Any]


class Malformed(Exception):
    """No policy that is understood here; the text says why."""


@dataclass(frozen=True)
class Asked:
    """A request as policies see it. `principals` are all the ARNs by which a policy can name its sender."""

    action: str
    resource: str
    principals: frozenset[str] = frozenset()
    context: Mapping[str, str] = field(default_factory=dict)


def parse(document: str) -> list[Statement]:
    """The statements of a policy. Raises Malformed."""
    try:
        found = json.loads(document)
        statements = found["Statement"]
    except (json.JSONDecodeError, KeyError, TypeError):
        raise Malformed("The policy is not in the valid JSON format.") from None
    statements = statements if isinstance(statements, list) else [statements]
    for statement in statements:
        _check(statement)
    return statements


def judge(statements: Iterable[Statement], asked: Asked) -> Verdict:
    """What these statements together say."""
    verdicts = {statement["Effect"] for statement in statements if _speaks_of(statement, asked)}
    return "deny" if "Deny" in verdicts else "allow" if "Allow" in verdicts else "none"


def arns_of(statement: Statement) -> list[str]:
    """Whom a statement of a resource's policy names; "*" is everybody."""
    named = statement.get("Principal", statement.get("NotPrincipal", []))
    return _listed(named.get("AWS", [])) if isinstance(named, dict) else _listed(named)


def _check(statement: Any) -> None:
    if not isinstance(statement, dict) or statement.get("Effect") not in {"Allow", "Deny"}:
        raise Malformed("Missing or invalid Effect.")
    if not {"Action", "NotAction"} & statement.keys():
        raise Malformed("Missing required field Action.")
    for operator in statement.get("Condition", {}):
        if _operator(operator) is None:
            raise Malformed(f"The local cloud does not know the condition operator {operator}.")


def _speaks_of(statement: Statement, asked: Asked) -> bool:
    return (
        _names(statement, "Action", asked.action.lower(), str.lower)
        and _names(statement, "Resource", asked.resource, str)
        and _is_for(statement, asked.principals)
        and all(_holds(operator, keys, asked.context) for operator, keys in statement.get("Condition", {}).items())
    )


def _names(statement: Statement, element: str, value: str, folded: Callable[[str], str]) -> bool:
    """A trust policy has no Resource: it is about the role that it belongs to."""
    patterns = statement.get(element, statement.get(f"Not{element}"))
    if patterns is None:
        return True
    fits = any(_like(folded(pattern), value) for pattern in _listed(patterns))
    return fits if element in statement else not fits


def _is_for(statement: Statement, principals: frozenset[str]) -> bool:
    """A policy of an identity names nobody: it is about that identity."""
    if not {"Principal", "NotPrincipal"} & statement.keys():
        return True
    named = set(arns_of(statement))
    fits = "*" in named or bool(named & principals)
    return fits if "Principal" in statement else not fits


def _holds(operator: str, keys: Mapping[str, Any], context: Mapping[str, str]) -> bool:
    compare = _operator(operator)
    if compare is None:
        return False
    found = {key.lower(): value for key, value in context.items()}
    return all(compare(found.get(key.lower()), _listed(wanted)) for key, wanted in keys.items())


Compare = Callable[[str | None, list[str]], bool]


def _operator(name: str) -> Compare | None:
    plain = name.removesuffix("IfExists")
    compare = _OPERATORS.get(plain)
    if compare is None or plain == name:
        return compare
    return lambda value, wanted: value is None or compare(value, wanted)


def _equals(value: str | None, wanted: list[str]) -> bool:
    return value in wanted


def _equals_in_any_case(value: str | None, wanted: list[str]) -> bool:
    return value is not None and value.lower() in {each.lower() for each in wanted}


def _is_like(value: str | None, wanted: list[str]) -> bool:
    return value is not None and any(_like(pattern, value) for pattern in wanted)


def _is_missing(value: str | None, wanted: list[str]) -> bool:
    return str(value is None).lower() in {each.lower() for each in wanted}


_OPERATORS: dict[str, Compare] = {
    "StringEquals": _equals,
    "StringNotEquals": lambda value, wanted: not _equals(value, wanted),
    "StringEqualsIgnoreCase": _equals_in_any_case,
    "StringLike": _is_like,
    "StringNotLike": lambda value, wanted: not _is_like(value, wanted),
    "ArnEquals": _is_like,
    "ArnLike": _is_like,
    "ArnNotEquals": lambda value, wanted: not _is_like(value, wanted),
    "ArnNotLike": lambda value, wanted: not _is_like(value, wanted),
    "Bool": _equals_in_any_case,
    "Null": _is_missing,
}


def _listed(value: Any) -> list[str]:
    return [str(each) if not isinstance(each, bool) else str(each).lower() for each in _as_list(value)]


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _like(pattern: str, value: str) -> bool:
    return _compiled(pattern).fullmatch(value) is not None


@lru_cache(maxsize=65_536)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile("".join({"*": ".*", "?": "."}.get(mark, re.escape(mark)) for mark in pattern), re.DOTALL)
