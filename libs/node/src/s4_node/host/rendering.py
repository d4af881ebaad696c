"""The files of a grid's two node directories, as text: nothing here touches a disk."""

from s4_node.host import credentials
from s4_node.host.configuration import HostConfiguration
from s4_node.host.specification import SEQUENCE, NodeSpecification, Specification
from s4_node.settings import SECTION

# The disk backend refuses new shares when less than this is free, so that the host itself can go on.
RESERVED_SPACE = "reserved_space = 512M\n"

NODE = """\
[node]
nickname = {nickname}
web.port =
tub.port = {port}
tub.location = {location}
"""
STORAGE = """\

[client]

[storage]
enabled = true
anonymous = true
{reserved}expire.enabled = false

[helper]
enabled = false
"""


def introducer_files(specification: Specification, interface: str) -> dict[str, str]:
    """Every file of the introducer's directory that the host writes, by its path in there."""
    node = specification.introducer
    return {
        **node.files,
        "tahoe.cfg": _node_section(node, interface),
        "tahoe-introducer.tac": "",  # by which stock `tahoe run` would know the directory
    }


def storage_files(specification: Specification, host: HostConfiguration) -> dict[str, str]:
    """Every file of the storage server's directory that the host writes, but for the announcement number."""
    node, in_s3 = specification.storage, specification.s3 is not None
    storage = STORAGE.format(reserved="" if in_s3 else RESERVED_SPACE)
    return {
        **{path: text for path, text in node.files.items() if path != SEQUENCE},
        "tahoe.cfg": _node_section(node, host.bind) + storage + _s3_section(specification, host),
        "tahoe-client.tac": "",
        "private/introducers.yaml": f"introducers:\n  default:\n    furl: {specification.introducer_furl}\n",
    }


def grid_files(specification: Specification, host: HostConfiguration) -> dict[str, str]:
    """Both nodes' files, by their path in the grid's directory."""
    return {
        **{f"introducer/{path}": text for path, text in introducer_files(specification, host.bind).items()},
        **{f"storage/{path}": text for path, text in storage_files(specification, host).items()},
    }


def sequence_text(present: str | None, at_least: int) -> str:
    """The announcement number: never lower than it was, or running clients ignore what is announced."""
    was = (present or "").strip()
    return f"{max(at_least, int(was) if was.isdecimal() else 0)}\n"


def _s3_section(specification: Specification, host: HostConfiguration) -> str:
    """What makes the storage server keep its shares in a bucket; empty for the disk backend."""
    if specification.s3 is None:
        return ""
    numbers = {"quota_bytes": specification.quota_bytes, "spool_bytes": host.spool_bytes}
    lines = {**specification.s3, **{name: str(number) for name, number in numbers.items() if number is not None}}
    if specification.credentials is not None:
        lines["credentials"] = f"file:{credentials.PATH}"
    return f"\n[{SECTION}]\n" + "".join(f"{name} = {text}\n" for name, text in lines.items() if text)


def _node_section(node: NodeSpecification, interface: str) -> str:
    port = f"tcp:{node.port}" + (f":interface={interface}" if interface else "")
    # Tahoe-LAFS reads this with ConfigParser, to which a percent sign means something
    return NODE.format(nickname=node.nickname.replace("%", "%%"), port=port, location=node.location)
