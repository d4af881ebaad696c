"""Objects as they are changed: created, replaced, applied, patched and deleted."""

from collections.abc import Mapping

from aiohttp import web

from s4_devcloud.kubernetes import kinds, merging
from s4_devcloud.kubernetes.access import Access, Asked
from s4_devcloud.kubernetes.admission import Admission, require_name
from s4_devcloud.kubernetes.calls import APPLY, Call
from s4_devcloud.kubernetes.problems import Refused
from s4_devcloud.kubernetes.reading import not_found
from s4_devcloud.kubernetes.store import Object, Store, now

Changed = tuple[int, Object, list[str]]


class Writing:
    """Requests that change something."""

    def __init__(self, store: Store, access: Access, admission: Admission) -> None:
        self._store, self._access, self._admission = store, access, admission

    def change(self, call: Call, request: web.Request, sent: Object, user: str) -> Changed:
        """Status, object and warnings; nothing is changed where only that was asked for. Raises Refused."""
        if request.query.get("dryRun"):
            imagined = Writing(self._store.imagined(), self._access, self._admission)
            return imagined.carry_out(call, request, sent, user)
        return self.carry_out(call, request, sent, user)

    def carry_out(self, call: Call, request: web.Request, sent: Object, user: str) -> Changed:
        """The change is made, whatever was asked for. Raises Refused."""
        query = request.query
        manager = query.get("fieldManager") or request.headers.get("User-Agent", "unknown").partition("/")[0]
        match call.verb:
            case "create" if call.subresource == "eviction":
                return 201, self._delete(call, {}, sent.get("deleteOptions", {}), user), []
            case "create":
                require_name(call.kind, sent, call.namespace, "")
                return self._create(call, sent, manager, user)
            case "update":
                require_name(call.kind, sent, call.namespace, call.name)
                return self._save(call, self._live(call), sent, manager, user)
            case "patch" if request.content_type == APPLY:
                return self._apply(call, sent, query, user)
            case "patch":
                live = self._live(call)
                return self._save(call, live, merging.merge_patched(live, sent), manager, user)
            case "delete":
                return 200, self._delete(call, query, sent, user), []
            case _:
                raise Refused(405, "the server does not allow this method on the requested resource")

    def _live(self, call: Call) -> Object:
        live = self._store.get(call.kind, call.namespace, call.name)
        if live is None:
            raise not_found(call)
        return live

    def _create(self, call: Call, sent: Object, manager: str, user: str) -> Changed:
        name = sent["metadata"]["name"]
        if self._store.get(call.kind, call.namespace, name) is not None:
            raise Refused(409, f'{call.kind.resource} "{name}" already exists', reason="AlreadyExists")
        self._judge(call, None, sent, user)
        made = self._store.create(call.kind, merging.updated(None, sent, manager))
        return 201, made, self._admission.warnings(call.kind, made)

    def _save(self, call: Call, live: Object, sent: Object, manager: str, user: str) -> Changed:
        version = sent["metadata"].get("resourceVersion")
        if version not in {None, live["metadata"]["resourceVersion"]}:
            raise Refused(
                409,
                f'Operation cannot be fulfilled on {call.kind.resource} "{call.name}": the object has been modified',
            )
        wanted = {**sent, "metadata": {**_of_server(live), **_of_client(sent)}}
        if "status" in live:
            wanted["status"] = live["status"]
        self._judge(call, live, wanted, user)
        return self._keep(call, live, merging.updated(live, wanted, manager))

    def _apply(self, call: Call, sent: Object, query: Mapping[str, str], user: str) -> Changed:
        manager = query.get("fieldManager", "")
        if not manager:
            raise Refused(
                422, "PatchOptions.meta.k8s.io is invalid: fieldManager: Required value: is required for apply patch"
            )
        if "managedFields" in sent.get("metadata", {}):
            raise Refused(400, "metadata.managedFields must be nil")
        require_name(call.kind, sent, call.namespace, call.name)
        live = self._store.get(call.kind, call.namespace, call.name)
        if live is None:
            self._access.require(Asked(user, "create", call.kind.group, call.resource, call.namespace, call.name))
        base = live or {"apiVersion": sent["apiVersion"], "kind": sent["kind"], "metadata": {"name": call.name}}
        merged = merging.applied(base, sent, manager, force=query.get("force") == "true")
        self._judge(call, live, merged, user)
        if live is None:
            made = self._store.create(call.kind, merged)
            return 201, made, self._admission.warnings(call.kind, made)
        return self._keep(call, live, merged)

    def _judge(self, call: Call, live: Object | None, wanted: Object, user: str) -> None:
        self._admission.admit(call.kind, live, wanted, user)
        if call.kind in {kinds.ROLE_BINDING, kinds.CLUSTER_ROLE_BINDING}:
            self._access.require_may_bind(user, wanted)

    def _keep(self, call: Call, live: Object, wanted: Object) -> Changed:
        warnings = self._admission.warnings(call.kind, wanted)
        if merging.is_same(live, wanted):
            return 200, live, warnings
        if live.get("spec") != wanted.get("spec"):
            wanted["metadata"]["generation"] = live["metadata"].get("generation", 0) + 1
        return 200, self._store.put(call.kind, wanted), warnings

    def _delete(self, call: Call, query: Mapping[str, str], options: Object, user: str) -> Object:
        live = self._live(call)
        self._admission.let_go(call.kind, live, user)
        wanted_uid = options.get("preconditions", {}).get("uid")
        if wanted_uid not in {None, live["metadata"]["uid"]}:
            raise Refused(409, "Precondition failed: UID in precondition does not match")
        grace = options.get("gracePeriodSeconds", query.get("gracePeriodSeconds"))
        policy = options.get("propagationPolicy") or query.get("propagationPolicy") or "Background"
        if call.kind is kinds.POD and grace not in {0, "0"}:
            usual = live["spec"]["terminationGracePeriodSeconds"]
            return self._mark(call, live, int(usual if grace is None else grace))
        if call.kind is kinds.NAMESPACE:
            live["status"] = {"phase": "Terminating"}
            return self._mark(call, live, None)
        if policy == "Foreground":
            live["metadata"]["finalizers"] = ["foregroundDeletion"]
            return self._mark(call, live, None)
        self._store.remove(call.kind, live)
        details = {
            "name": call.name,
            "group": call.kind.group,
            "kind": call.kind.plural,
            "uid": live["metadata"]["uid"],
        }
        return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}

    def _mark(self, call: Call, live: Object, grace: int | None) -> Object:
        if "deletionTimestamp" in live["metadata"]:
            return live
        live["metadata"]["deletionTimestamp"] = now(grace or 0)
        if grace is not None:
            live["metadata"]["deletionGracePeriodSeconds"] = grace
        return self._store.put(call.kind, live)


def _of_server(live: Object) -> Object:
    names = ("uid", "creationTimestamp", "generation", "resourceVersion", "deletionTimestamp", "managedFields")
    return {name: live["metadata"][name] for name in names if name in live["metadata"]}


def _of_client(sent: Object) -> Object:
    names = ("name", "namespace", "labels", "annotations", "ownerReferences", "finalizers")
    return {name: sent["metadata"][name] for name in names if name in sent["metadata"]}
