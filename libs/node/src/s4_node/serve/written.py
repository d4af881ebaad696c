"""A node's tahoe.cfg as it is written, a percent sign being one."""

from configparser import ConfigParser
from pathlib import Path

CONFIG = "tahoe.cfg"


def written_in(node: Path) -> ConfigParser:
    """Everything that the node's configuration says. Raises OSError, and configparser's errors."""
    config = ConfigParser(strict=False, interpolation=None)
    with (node / CONFIG).open(encoding="utf-8") as file:
        config.read_file(file)
    return config
