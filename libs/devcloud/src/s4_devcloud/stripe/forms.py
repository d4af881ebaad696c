"""The form encoding of Stripe's v1 API: `a[b][0][c]=x`, `a[]=x`, and an empty value to unset."""

import re
from collections.abc import Iterable
from typing import TypeAlias, Union

from s4_devcloud.stripe.problems import Problem

Raw: TypeAlias = dict[str, Union[str, "Raw"]]
"""What the form said, before anyone knows which number keys are lists."""

_KEY = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")
_PART = re.compile(r"\[([^\[\]]*)\]")
_DEEPEST = 12  # levels; the SDK's deepest parameter has seven


def parse(pairs: Iterable[tuple[str, str]]) -> Raw:
    """Nest the pairs of a form or a query string. Raises Problem for keys that contradict each other."""
    tree: Raw = {}
    for key, value in pairs:
        *parents, leaf = _path(key)
        node = tree
        for part in parents:
            child = node.setdefault(part or str(len(node)), {})
            if not isinstance(child, dict):
                raise _contradiction(key)
            node = child
        if isinstance(node.get(leaf), dict):
            raise _contradiction(key)
        node[leaf or str(len(node))] = value
    return tree


def _path(key: str) -> list[str]:
    found = _KEY.match(key)
    if found is None:
        raise Problem(400, f"Invalid parameter name: {key}", code="parameter_unknown", param=key)
    path = [found[1], *_PART.findall(found[2])]
    if len(path) > _DEEPEST:
        raise Problem(400, "Parameters are nested too deeply.", param=found[1])
    return path


def _contradiction(key: str) -> Problem:
    return Problem(400, f"Parameter {key} is both a value and a group of values.", param=key)
