"""ValidatingAdmissionPolicies, judged by another implementation of their language, CEL, than the API server's.

Of what a policy may say the double knows: rules of resources, conditions, variables, parameters by name, validations
with a message, and denial. Whoever says more is refused when the policy is written.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import celpy
from celpy import celtypes
from celpy.adapter import json_to_cel
from celpy.celparser import CELParseError
from celpy.evaluation import CELEvalError

from s4_devcloud.kubernetes import kinds
from s4_devcloud.kubernetes.kinds import KINDS, Kind
from s4_devcloud.kubernetes.problems import Refused, forbidden, invalid
from s4_devcloud.kubernetes.store import Object, Store

CONTROLLER = "system:serviceaccount:kube-system:controller"  # who makes pods for Deployments, Jobs and StatefulSets
_KNOWN = {
    kinds.POLICY: {"failurePolicy", "paramKind", "matchConstraints", "matchConditions", "variables", "validations"},
    kinds.POLICY_BINDING: {"policyName", "paramRef", "validationActions"},
}


@dataclass(frozen=True)
class Deed:
    """What somebody wants to do to an object."""

    operation: str
    kind: Kind
    user: str
    live: Object | None
    written: Object | None

    @property
    def request(self) -> Object:
        """As policies see it."""
        meta = (self.written or self.live or {})["metadata"]
        return {
            "operation": self.operation,
            "name": meta["name"],
            "namespace": meta["name"] if self.kind is kinds.NAMESPACE else meta.get("namespace", ""),
            "kind": {"group": self.kind.group, "version": self.kind.version, "kind": self.kind.name},
            "resource": {"group": self.kind.group, "version": self.kind.version, "resource": self.kind.plural},
            "userInfo": {"username": self.user},
        }


class Policies:
    """What the bindings in the store say."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def require(self, deed: Deed) -> None:
        """Raise Refused (422) for what a policy denies, or cannot judge."""
        for binding in self._store.list(kinds.POLICY_BINDING):
            policy = self._store.get(kinds.POLICY, "", binding["spec"]["policyName"])
            if policy is None or not _is_about(policy["spec"], deed):
                continue
            for message in self._refusals(policy, binding["spec"], deed):
                name = (deed.written or deed.live or {})["metadata"]["name"]
                by = f"'{policy['metadata']['name']}' with binding '{binding['metadata']['name']}'"
                denied = forbidden(
                    f'{deed.kind.resource} "{name}"', f"ValidatingAdmissionPolicy {by} denied request: {message}"
                )
                raise Refused(422, str(denied))

    def _refusals(self, policy: Object, binding: Object, deed: Deed) -> list[str]:
        params = self._params(policy["spec"], binding)
        if params is None:
            return ["no params found for policy binding with `Deny` parameterNotFoundAction"]
        try:
            return Policy(policy, params).refusals(deed.request, deed.written, deed.live) or []
        except CELEvalError as error:
            return [f"expression cannot be evaluated: {str(error)[:200]}"]

    def _params(self, policy: Object, binding: Object) -> Object | None:
        wanted = policy.get("paramKind")
        if wanted is None:
            return {}
        kind = next(each for each in KINDS if (each.api_version, each.name) == (wanted["apiVersion"], wanted["kind"]))
        reference = binding["paramRef"]
        return self._store.get(kind, reference.get("namespace", ""), reference["name"])


class Policy:
    """One policy, with its parameters."""

    def __init__(self, policy: Object, params: Object) -> None:
        self._spec, self._params = policy["spec"], params

    def refusals(
        self, request: Mapping[str, Any], written: Object | None, live: Object | None = None
    ) -> list[str] | None:
        """The messages of what does not hold; nothing when the policy does not judge such a request."""
        known: Object = {
            "object": json_to_cel(written),
            "oldObject": json_to_cel(live),
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


def check(kind: Kind, written: Object) -> None:
    """Raise Refused for a policy or binding that says what the double cannot judge, or is no CEL."""
    if kind not in _KNOWN:
        return
    spec, what = written["spec"], f'{kind.name} "{written["metadata"]["name"]}"'
    if unknown := set(spec) - _KNOWN[kind]:
        raise invalid(what, (f"spec.{min(unknown)}", "the local cluster cannot judge this"))
    if kind is kinds.POLICY_BINDING and spec["validationActions"] != ["Deny"]:
        raise invalid(what, ("spec.validationActions", "the local cluster knows Deny"))
    for each in _expressions(spec):
        try:
            _program(each)
        except CELParseError as error:
            raise invalid(what, ("spec", f"compilation failed: {str(error)[:200]}")) from None


def _expressions(spec: Object) -> Iterator[str]:
    for part in ("matchConditions", "variables", "validations"):
        yield from (each["expression"] for each in spec.get(part, ()))


def _is_about(policy: Object, deed: Deed) -> bool:
    return any(
        _holds(rule["apiGroups"], deed.kind.group)
        and _holds(rule["apiVersions"], deed.kind.version)
        and _holds(rule["operations"], deed.operation)
        and _holds(rule["resources"], deed.kind.plural)
        for rule in policy["matchConstraints"]["resourceRules"]
    )


def _holds(named: list[str], one: str) -> bool:
    return "*" in named or one in named


def _value(expression: str, known: Object) -> Any:
    return _program(expression).evaluate(known)


@cache
def _program(expression: str) -> celpy.Runner:
    environment = celpy.Environment()
    return environment.program(environment.compile(expression))
