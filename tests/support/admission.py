"""A ValidatingAdmissionPolicy judged as an API server does, by another implementation of its language (CEL)."""

from collections.abc import Mapping
from typing import Any

import celpy
from celpy import celtypes
from celpy.adapter import json_to_cel

Object = dict[str, Any]


class Policy:
    """One policy, with its parameters."""

    def __init__(self, policy: Object, params: Object) -> None:
        self._spec, self._params = policy["spec"], params

    def refusals(self, request: Mapping[str, Any], written: Object) -> list[str] | None:
        """The messages of what does not hold; nothing when the policy does not judge such a request."""
        known: Object = {
            "object": json_to_cel(written),
            "request": json_to_cel(dict(request)),
            "params": json_to_cel(self._params),
        }
        if not all(_value(each["expression"], known) for each in self._spec.get("matchConditions", [])):
            return None
        variables: dict[Any, Any] = {}
        for each in self._spec.get("variables", []):
            variables[celtypes.StringType(each["name"])] = _value(
                each["expression"], {**known, "variables": celtypes.MapType(variables)}
            )
        known["variables"] = celtypes.MapType(variables)
        return [each["message"] for each in self._spec["validations"] if not _value(each["expression"], known)]


def _value(expression: str, known: Object) -> Any:
    environment = celpy.Environment()
    return environment.program(environment.compile(expression)).evaluate(known)
