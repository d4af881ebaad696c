"""The files of a grid's two node directories, as text: nothing here touches a disk."""

from s4_node.host.specification import SEQUENCE, NodeSpecification, Specification

# The disk backend refuses new shares when less than this is free, so that the host itself can go on.
RESERVED_SPACE = "512M"

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
reserved_space = {reserved}
expire.enabled = false

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


def storage_files(specification: Specification, interface: str) -> dict[str, str]:
    """Every file of the storage server's directory that the host writes, but for the announcement number."""
    node = specification.storage
    return {
        **{path: text for path, text in node.files.items() if path != SEQUENCE},
        "tahoe.cfg": _node_section(node, interface) + STORAGE.format(reserved=RESERVED_SPACE),
        "tahoe-client.tac": "",
        "private/introducers.yaml": f"introducers:\n  default:\n    furl: {specification.introducer_furl}\n",
    }


def grid_files(specification: Specification, interface: str) -> dict[str, str]:
    """Both nodes' files, by their path in the grid's directory."""
    return {
        **{f"introducer/{path}": text for path, text in introducer_files(specification, interface).items()},
        **{f"storage/{path}": text for path, text in storage_files(specification, interface).items()},
    }


def _node_section(node: NodeSpecification, interface: str) -> str:
    port = f"tcp:{node.port}" + (f":interface={interface}" if interface else "")
    # Tahoe-LAFS reads this with ConfigParser, to which a percent sign means something
    return NODE.format(nickname=node.nickname.replace("%", "%%"), port=port, location=node.location)
