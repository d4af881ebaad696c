"""More or fewer nodes: the spec says so first, for it is what the next command goes by."""

import re
from pathlib import Path

import msgspec

from s4_ops.cluster import create, manifests
from s4_ops.cluster.kops import differences
from s4_ops.cluster.place import write
from s4_ops.cluster.spec import Spec, complaints
from s4_ops.cluster.steps import Step, command
from s4_ops.cluster.work import Work
from s4_runtime import Permanent


def resized(spec: Spec, name: str, least: int, most: int) -> Spec:
    """The spec with other bounds of a group of nodes. Raises Permanent."""
    group = msgspec.structs.replace(spec.group(name), min=least, max=most)
    made = msgspec.structs.replace(spec, groups=tuple(group if each.name == name else each for each in spec.groups))
    for complaint in complaints(made):
        raise Permanent("cluster-spec-wrong", why=complaint)
    return made


def changes(work: Work, before: Spec) -> list[str]:
    """What the cluster does not have yet, and what fewer nodes mean. Raises Permanent: there is no such cluster."""
    known = work.kops.known()
    if not known:
        raise Permanent("no-such-cluster", cluster=work.spec.name, use="s4 cluster create")
    create.require_same_version(work, known)
    fewer = any(new.max < old.max for new, old in zip(work.spec.groups, before.groups, strict=True))
    warning = "nodes above the new maximum are drained and ended: their pods start again elsewhere, if there is room"
    return [*differences(manifests.documents(work.spec), known), *([warning] if fewer else [])]


def steps(work: Work, file: Path | None, name: str) -> list[Step]:
    """The file says it, kops knows it, AWS does it. Throw-away clusters share a file, which stays as it is."""
    group = work.spec.group(name)
    bounds = f"min: {group.min}, max: {group.max}"
    written = Step(
        f"edit {file}: {name}: {bounds}", "the spec says it", lambda: _edit(file, name, group.min, group.max)
    )
    return [
        *([written] if file else []),
        create.told(work),
        command(work.programs, work.kops.replace(), "the state bucket holds the spec"),
        command(work.programs, work.kops.update(), "the group may have other numbers of machines; none is replaced"),
    ]


def _edit(file: Path | None, name: str, least: int, most: int) -> None:
    if file is not None:
        write(file, edited(file.read_text(encoding="utf-8"), name, least, most))
        file.chmod(0o644)


def edited(text: str, name: str, least: int, most: int) -> str:
    """The spec's text with the group's bounds, and everything else, comments too, as it was. Raises Permanent."""
    start = re.search(rf"^(\s*)- name: {re.escape(name)}\b.*$", text, re.MULTILINE)
    if not start:
        raise Permanent("group-not-found-in-file", group=name)
    following = re.compile(rf"^{start.group(1)}- ", re.MULTILINE).search(text, start.end())
    end = following.start() if following else len(text)
    block = text[start.end() : end]
    for word, value in (("min", least), ("max", most)):
        block, count = re.subn(rf"^(\s+{word}:\s*)\d+", rf"\g<1>{value}", block, count=1, flags=re.MULTILINE)
        if not count:
            raise Permanent("group-not-found-in-file", group=name, missing=word)
    return text[: start.end()] + block + text[end:]
