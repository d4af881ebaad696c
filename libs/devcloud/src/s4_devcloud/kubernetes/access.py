"""Who asks, and whether they may: bearer tokens and RBAC (Kubernetes documentation, "Using RBAC Authorization")."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from s4_devcloud.kubernetes import kinds
from s4_devcloud.kubernetes.problems import Refused, forbidden
from s4_devcloud.kubernetes.store import Object, Store

ADMIN = "kubernetes-admin"


@dataclass(frozen=True)
class Asked:
    """One request, as RBAC sees it."""

    user: str
    verb: str
    group: str
    resource: str  # with a subresource: pods/log
    namespace: str
    name: str


class Access:
    """Tokens and rights. The administrator's token may do everything."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.admin_token = secrets.token_urlsafe(32)
        self._users = {self.admin_token: ADMIN}

    def user_of(self, authorization: str) -> str:
        """Who sends this header. Raises Refused (401)."""
        kind, _, token = authorization.partition(" ")
        user = self._users.get(token) if kind.lower() == "bearer" else None
        if user is None:
            raise Refused(401, "Unauthorized")
        return user

    def token_for(self, namespace: str, account: str) -> str:
        """A token with which one is this service account."""
        token = secrets.token_urlsafe(32)
        self._users[token] = f"system:serviceaccount:{namespace}:{account}"
        return token

    def forget_tokens(self) -> None:
        """Only the administrator is known any more."""
        self._users = {self.admin_token: ADMIN}

    def require(self, asked: Asked) -> None:
        """Raise Refused (403) unless a rule allows it."""
        if asked.user != ADMIN and not any(_allows(rule, asked) for rule in self._rules(asked.user, asked.namespace)):
            where = f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
            what = f'cannot {asked.verb} resource "{asked.resource}" in API group "{asked.group}" {where}'
            raise forbidden(f'{asked.resource} "{asked.name}"', f'User "{asked.user}" {what}')

    def require_may_bind(self, user: str, binding: Object) -> None:
        """Nobody gives a role that they may not bind ("Privilege escalation prevention and bootstrapping")."""
        role, namespace = binding["roleRef"], binding["metadata"].get("namespace", "")
        plural = "clusterroles" if role["kind"] == "ClusterRole" else "roles"
        group = kinds.ROLE.group
        self.require(Asked(user, "bind", group, plural, namespace, role["name"]))

    def _rules(self, user: str, namespace: str) -> Iterator[dict[str, Any]]:
        for binding in self._store.list(kinds.CLUSTER_ROLE_BINDING):
            if _is_bound(binding, user):
                yield from self._of_role(binding["roleRef"], "")
        for binding in self._store.list(kinds.ROLE_BINDING, namespace) if namespace else []:
            if _is_bound(binding, user):
                yield from self._of_role(binding["roleRef"], namespace)

    def _of_role(self, reference: Object, namespace: str) -> list[dict[str, Any]]:
        kind = kinds.CLUSTER_ROLE if reference["kind"] == "ClusterRole" else kinds.ROLE
        role = self._store.get(kind, "" if kind is kinds.CLUSTER_ROLE else namespace, reference["name"])
        return (role or {}).get("rules") or []


def _is_bound(binding: Object, user: str) -> bool:
    here = binding["metadata"].get("namespace", "")
    accounts = [each for each in binding.get("subjects", []) if each["kind"] == "ServiceAccount"]
    return any(f"system:serviceaccount:{each.get('namespace', here)}:{each['name']}" == user for each in accounts)


def _allows(rule: dict[str, Any], asked: Asked) -> bool:
    names = rule.get("resourceNames")
    return (
        _holds(rule.get("verbs", []), asked.verb)
        and _holds(rule.get("apiGroups", []), asked.group)
        and _holds(rule.get("resources", []), asked.resource)
        and (not names or asked.name in names)
    )


def _holds(allowed: list[str], wanted: str) -> bool:
    return "*" in allowed or wanted in allowed
