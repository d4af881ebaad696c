"""The systemd units that every grid and every shard of a host is an instance of."""

from s4_node.host.configuration import HostConfiguration
from s4_node.host.owner import shard_user
from s4_node.host.supervisors import Service

GRID, SHARD = "s4-grid@.service", "s4-shard@.service"

TEMPLATE = """\
[Unit]
Description={description}
After=network-online.target
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
Type=notify
User={user}
Group={user}
UMask=0077
{environment}ExecStart={command} {home}
Restart=on-failure
RestartSec=3
{limits}TimeoutStopSec=15
LimitNOFILE=16384

ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
TemporaryFileSystem={root}:ro
BindPaths={home}
ReadWritePaths={home}
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
# One process with both nodes of a grid is 77 MiB, and Foolscap buffers a whole transfer (170 MiB seen).
GRID_LIMITS = """\
TimeoutStartSec=90
MemoryMax=512M
TasksMax=64
"""
CACHE_PART = 4  # of a shard's memory: what is kept only to be quick must never be what it is ended for
# It is started when each of its grids was tried, which takes a tenth of a second for each, or as long as a bucket
# keeps silent. CPUWeight: a shard that is busy takes no turn from the others, nor from sshd.
SHARD_LIMITS = """\
TimeoutStartSec=infinity
MemoryMax={memory_mib}M
CPUQuota={cpu_percent}%
CPUWeight=50
TasksMax=128
"""


def of_grids(host: HostConfiguration) -> str:
    """The unit of a grid with a process of its own."""
    user = host.user or ""
    return _text(host, "S4 grid %i", user, f"{host.node_command} run --control", f"{host.root}/%i", GRID_LIMITS)


def of_shards(host: HostConfiguration) -> str:
    """The unit of a process with many grids, each a user of its own."""
    limits = SHARD_LIMITS.format(memory_mib=host.shard_memory_mib, cpu_percent=host.shard_cpu_percent)
    cache = f"--cache-mib {host.shard_memory_mib // CACHE_PART}"
    command, home = f"{host.node_command} shard {cache}", f"{host.root}/.shards/%i"
    return _text(host, "S4 grids, shard %i", shard_user("%i"), command, home, limits)


def instance(service: Service) -> str:
    """The name of one service's unit."""
    return file_of(service).replace("@", f"@{service.name}")


def file_of(service: Service) -> str:
    """The unit that it is an instance of."""
    return GRID if service.kind == "run" else SHARD


def _text(host: HostConfiguration, description: str, user: str, command: str, home: str, limits: str) -> str:  # noqa: PLR0917  as they come in the file
    environment = "".join(f"Environment={name}={value}\n" for name, value in sorted(host.environment.items()))
    return TEMPLATE.format(
        root=host.root,
        description=description,
        user=user,
        command=command,
        home=home,
        limits=limits,
        environment=environment,
    )
