"""The systemd unit that every grid of a host is an instance of."""

from collections.abc import Mapping
from pathlib import Path

NAME = "s4-grid@.service"

# MemoryMax: one process with both nodes is 77 MiB, and Foolscap buffers a whole transfer (170 MiB seen).
TEMPLATE = """\
[Unit]
Description=S4 grid %i
After=network-online.target
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
Type=notify
User={user}
Group={user}
UMask=0077
{environment}ExecStart={command} run {root}/%i
Restart=on-failure
RestartSec=3
TimeoutStartSec=90
TimeoutStopSec=15
MemoryMax=512M
TasksMax=64
LimitNOFILE=16384

ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
TemporaryFileSystem={root}:ro
BindPaths={root}/%i
ReadWritePaths={root}/%i
NoNewPrivileges=yes
CapabilityBoundingSet=
RestrictSUIDSGID=yes
RestrictRealtime=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
LockPersonality=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
"""


def text(root: Path, user: str, command: Path, environment: Mapping[str, str]) -> str:
    """The unit file for a host whose grids live in `root`."""
    lines = "".join(f"Environment={name}={value}\n" for name, value in sorted(environment.items()))
    return TEMPLATE.format(root=root, user=user, command=command, environment=lines)


def instance(grid_id: str) -> str:
    """The name of one grid's unit."""
    return f"s4-grid@{grid_id}.service"
