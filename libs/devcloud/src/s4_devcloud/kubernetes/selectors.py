"""Which objects a list is asked for (Kubernetes documentation, "Labels and Selectors", "Field Selectors")."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from s4_devcloud.kubernetes.problems import Refused
from s4_devcloud.kubernetes.store import Object

_SET = re.compile(r"(?P<key>[^\s!=]+)\s+(?P<how>in|notin)\s*\((?P<values>[^)]*)\)")
_EQUAL = re.compile(r"(?P<key>[^\s!=]+)\s*(?P<how>==|!=|=)\s*(?P<value>[^\s!=]*)")
_HAS = re.compile(r"(?P<no>!?)\s*(?P<key>[^\s!=()]+)")
_PARTS = re.compile(r",(?![^(]*\))")
Test = Callable[[Mapping[str, str]], bool]


def by_labels(selector: str) -> Test:
    """Whether labels are as the selector says. Raises Refused."""
    tests = [_label_test(part.strip()) for part in _PARTS.split(selector) if part.strip()]
    return lambda labels: all(test(labels) for test in tests)


def _label_test(part: str) -> Test:
    if found := _SET.fullmatch(part):
        key, is_in = found["key"], found["how"] == "in"
        values = {value.strip() for value in found["values"].split(",")}
        return lambda labels: (labels.get(key) in values) == is_in
    if found := _EQUAL.fullmatch(part):
        key, value, is_equal = found["key"], found["value"], found["how"] != "!="
        return lambda labels: (labels.get(key) == value) == is_equal
    if found := _HAS.fullmatch(part):
        key, is_there = found["key"], not found["no"]
        return lambda labels: (key in labels) == is_there
    raise Refused(400, f"unable to parse requirement: {part!r}")


def matches(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Whether the labels fit a selector as objects have it; an empty one fits all, none fits nothing."""
    if selector is None:
        return False
    wanted = selector.get("matchLabels", {}).items()
    return wanted <= labels.items() and all(_expressed(each, labels) for each in selector.get("matchExpressions", []))


def _expressed(requirement: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = requirement["key"], requirement.get("values", [])
    match requirement["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels


def by_fields(selector: str) -> Callable[[Object], bool]:
    """Whether fields of an object are as the selector says; any dotted path will do, unlike with the real one."""
    found = [_EQUAL.fullmatch(part.strip()) for part in selector.split(",") if part.strip()]
    tests = [(test["key"].split("."), test["value"], test["how"] != "!=") for test in found if test]
    return lambda one: all((_at(one, path) == value) == is_equal for path, value, is_equal in tests)


def _at(one: Object, path: list[str]) -> str:
    value: Any = one
    for name in path:
        value = value.get(name, {}) if isinstance(value, dict) else {}
    return "" if value == {} else str(value)
