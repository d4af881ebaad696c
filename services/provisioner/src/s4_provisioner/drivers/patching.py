"""How a machine keeps itself patched: security updates by itself, and a restart, where one is needed, in its minute.

The options are those of Debian's package unattended-upgrades (its README.md and 50unattended-upgrades) and of apt
(/usr/lib/apt/apt.systemd.daily, its head). Without the package, which Debian's cloud images have, they mean nothing.
"""

import re
import uuid
from datetime import time

import msgspec

from s4_contracts.ids import HostId
from s4_runtime import SettingsError

_WINDOW = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])")
_MINUTES = 24 * 60
_OPTIONS = """\
APT::Periodic::Update-Package-Lists "1";
APT::Periodic::Unattended-Upgrade "1";
#clear Unattended-Upgrade::Origins-Pattern;
Unattended-Upgrade::Origins-Pattern { "origin=Debian,codename=${distro_codename}-security,label=Debian-Security"; };
Unattended-Upgrade::Automatic-Reboot "true";
Unattended-Upgrade::Automatic-Reboot-WithUsers "true";
Unattended-Upgrade::Automatic-Reboot-Time "%s";
"""


class Window(msgspec.Struct, frozen=True):
    """A time of day in which machines may restart, in minutes since midnight UTC, and its length."""

    start: int
    minutes: int

    def of(self, host: HostId) -> str:
        """The host's own minute in it, the same at every call: hosts of one pool do not restart together."""
        minute = (self.start + uuid.UUID(host).int % self.minutes) % _MINUTES
        return time(minute // 60, minute % 60).strftime("%H:%M")


def read(text: str) -> Window | None:
    """The window that is written HH:MM-HH:MM; None without one: nothing is patched. Raises SettingsError."""
    if not text:
        return None
    match = _WINDOW.fullmatch(text)
    if match is None:
        raise SettingsError(["S4_REBOOT_WINDOW is not HH:MM-HH:MM"])
    hours = [int(part) for part in match.groups()]
    start, end = hours[0] * 60 + hours[1], hours[2] * 60 + hours[3]
    return Window(start, (end - start) % _MINUTES or _MINUTES)


def files(restart_at: str) -> list[dict[str, str]]:
    """What cloud-init is to write on a machine that patches itself and restarts at this time of day."""
    return [{"path": "/etc/apt/apt.conf.d/60s4-patching", "permissions": "0644", "content": _OPTIONS % restart_at}]
