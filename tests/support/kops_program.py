"""A stand-in for kops: as strict with flags and manifests as kops' reference, with AWS in a folder.

``KOPS_STAND_IN`` is its folder. ``events`` has a line for each thing that really changed. Who writes a line such as
``update`` or ``rolling-update nodes`` into ``fail`` has that command die once, after it has done half.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.kops_fields import wrong
from support.kops_flags import Refused, parse

HOME = Path(os.environ["KOPS_STAND_IN"])
Flags = dict[str, str]


def _read(name: str) -> dict[str, Any]:
    path = HOME / f"{name}.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return found


def _write(name: str, value: dict[str, Any]) -> None:
    (HOME / f"{name}.json").write_text(json.dumps(value, indent=1))


def _happened(line: str) -> None:
    with (HOME / "events").open("a") as events:
        events.write(f"{line}\n")


def _die_if_told(*names: str) -> None:
    path = HOME / "fail"
    told = path.read_text().splitlines() if path.exists() else []
    if hit := next((name for name in names if name in told), None):
        told.remove(hit)
        path.write_text("\n".join(told))
        raise Refused(f"cut off in {hit}")


def _store(flags: Flags) -> dict[str, Any]:
    if not flags.get("--state", "").startswith("s3://"):
        raise Refused("Please set the --state flag or export KOPS_STATE_STORE.")
    store: dict[str, Any] = _read("state").setdefault(flags["--state"], {})
    return store


def _keep(flags: Flags, store: dict[str, Any]) -> None:
    _write("state", _read("state") | {flags["--state"]: store})


def _known(flags: Flags, name: str | None) -> dict[str, Any]:
    found: dict[str, Any] | None = _store(flags).get(name or "")
    if found is None:
        raise Refused(f'cluster "{name}" not found')
    return found


def replace(_arguments: list[str], flags: Flags) -> None:
    import yaml

    manifests = list(yaml.safe_load_all(Path(flags["--filename"]).read_text()))
    if problems := [line for each in manifests for line in wrong(each)]:
        raise Refused("; ".join(problems))
    store = _store(flags)
    for each in manifests:
        owner = each["metadata"].get("labels", {}).get("kops.k8s.io/cluster", each["metadata"]["name"])
        if owner not in store and "--force" not in flags:
            raise Refused(f'cluster "{owner}" not found')
        store.setdefault(owner, {})[f"{each['kind']} {each['metadata']['name']}"] = each
        _keep(flags, store)
        _die_if_told("replace")


def get(arguments: list[str], flags: Flags, kind: str) -> None:
    owners = [name] if (name := (arguments or [flags.get("--name", "")])[0]) else list(_store(flags))
    found = [each for owner in owners for key, each in _known(flags, owner).items() if key.startswith(f"{kind} ")]
    if not found:
        raise Refused("no clusters found")
    sys.stdout.write(json.dumps(found[0] if len(found) == 1 else found))


def _versions(known: dict[str, Any], name: str) -> dict[str, str]:
    """The version that machines of each group ought to have."""
    version = known[f"Cluster {name}"]["spec"]["kubernetesVersion"]
    return {each["metadata"]["name"]: version for key, each in known.items() if key.startswith("InstanceGroup ")}


def _is_plane(known: dict[str, Any], group: str) -> bool:
    return bool(known[f"InstanceGroup {group}"]["spec"]["role"] in {"Master", "ControlPlane"})


def update(arguments: list[str], flags: Flags) -> None:
    known, cloud = _known(flags, arguments[0]), _read("cloud")
    mine = cloud.setdefault(arguments[0], {})
    roles = flags.get("--instance-group-roles")
    for group, version in _versions(known, arguments[0]).items():
        if roles and not _is_plane(known, group):
            continue
        size = known[f"InstanceGroup {group}"]["spec"]["minSize"], known[f"InstanceGroup {group}"]["spec"]["maxSize"]
        wanted = {"wanted": version, "size": list(size)}
        has = mine.get(group, {"runs": version})
        if {**has, **wanted} != has:
            sys.stdout.write(f"Will modify {group}\n")
            if "--yes" in flags:
                mine[group] = has | wanted
                _write("cloud", cloud)
                _happened(f"update {group} {version} {size[0]}-{size[1]}")
        _die_if_told("update")


def rolling_update(arguments: list[str], flags: Flags) -> None:
    cloud, group = _read("cloud"), flags["--instance-group"]
    machine = cloud[arguments[0]][group]
    if machine["runs"] == machine["wanted"]:
        sys.stdout.write("No rolling-update required.\n")
        return
    _die_if_told(f"rolling-update {group}")
    machine["runs"] = machine["wanted"]
    _write("cloud", cloud)
    _happened(f"roll {group} {machine['wanted']}")


def validate(arguments: list[str], flags: Flags) -> None:
    if arguments[0] not in _read("cloud"):
        raise Refused("Validation failed: the cluster has no machines")
    if not Path(flags["--kubeconfig"]).exists():
        raise Refused("cannot load kubecfg settings")
    _die_if_told("validate")


def export(arguments: list[str], flags: Flags) -> None:
    _known(flags, arguments[0])
    server = os.environ.get("KOPS_STAND_IN_API", "https://127.0.0.1:1")
    told = {"current-context": arguments[0], "clusters": [{"name": arguments[0], "cluster": {"server": server}}]}
    Path(flags["--kubeconfig"]).write_text(json.dumps(told))


def delete(arguments: list[str], flags: Flags) -> None:
    known, store, cloud = _known(flags, arguments[0]), _store(flags), _read("cloud")
    if "--yes" not in flags:
        sys.stdout.write(f"Must specify --yes to delete {len(known)} resources\n")
        return
    cloud.pop(arguments[0], None)
    _write("cloud", cloud)
    _happened(f"delete machines of {arguments[0]}")
    _die_if_told("delete")
    del store[arguments[0]]
    _keep(flags, store)
    _happened(f"delete {arguments[0]}")


def main(words: list[str]) -> int:
    try:
        command, arguments, flags = parse(words)
        match command:
            case ("get", kind):
                get(arguments, flags, {"clusters": "Cluster", "instancegroups": "InstanceGroup"}[kind])
            case _:
                deeds = {"replace": replace, "update": update, "rolling-update": rolling_update, "validate": validate}
                deeds |= {"export": export, "delete": delete}
                deeds[command[0]](arguments, flags)
    except Refused as refused:
        sys.stderr.write(f"Error: {refused}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
