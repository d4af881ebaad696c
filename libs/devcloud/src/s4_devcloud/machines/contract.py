"""What a driver of machines promises; tests/devcloud/machines runs one conformance class against each."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from s4_devcloud.machines.ranges import Ranges


class BootFailed(Exception):
    """The machine did not come up; the text says what was seen."""


@dataclass(frozen=True)
class MachineSpec:
    """What is known of a machine before it boots.

    The machine reaches every (host, port) in `reachable` at the same place as we do, and `metadata_socket`, a Unix
    socket of ours, at http://169.254.169.254/ or, where it has no network of its own, at the address that is in its
    environment as AWS_EC2_METADATA_SERVICE_ENDPOINT.
    """

    id: str
    private_address: str
    user_data: bytes = b""
    public_key: str = ""
    metadata_socket: Path | None = None
    reachable: tuple[tuple[str, int], ...] = ()


class Machine(Protocol):
    """One machine. Every method may be called from any thread, and again."""

    @property
    def id(self) -> str:
        """The id from its spec."""
        ...

    @property
    def address(self) -> str:
        """The loopback address under which this machine alone answers."""
        ...

    def allow(self, ranges: Ranges) -> set[int]:
        """Connections to `address` at these ports reach the machine, at others they are refused.

        The ports that are taken here, and do not reach it, as far as that is known now.
        """
        ...

    def expose(self, *ports: int) -> set[int]:
        """These ports are allowed, too."""
        ...

    def unexpose(self, *ports: int) -> None:
        """These ports are not allowed any more."""
        ...

    def cut_off(self) -> None:
        """The machine lives, but who calls gets no answer, neither on new connections nor on those there are."""
        ...

    def reconnect(self) -> None:
        """The machine is reached as before."""
        ...

    def behave(self, changes: dict[str, Any]) -> None:
        """It misbehaves from now on; an empty change makes it well. Raises BehaviourRefused."""
        ...

    def wait_ssh(self, seconds: float) -> None:
        """Return when sshd answers. Raises BootFailed after `seconds`, or at once when the machine died."""
        ...

    def alive(self) -> bool:
        """The machine runs."""
        ...

    def lose(self) -> None:
        """The machine stops as in a power cut; its disk and its address stay until it is destroyed."""
        ...

    def destroy(self) -> None:
        """Nothing of the machine is left: no process, no disk, no listener."""
        ...


class Driver(Protocol):
    """Starts machines. What a killed driver left behind, drivers.sweep removes."""

    @property
    def ssh_port(self) -> int:
        """The port that leads to sshd when it is exposed."""
        ...

    @property
    def ssh_user(self) -> str | None:
        """The only user who can log in, or None where user-data decides."""
        ...

    @property
    def has_metadata(self) -> bool:
        """Machines ask a metadata service."""
        ...

    @property
    def network(self) -> str:
        """The addresses that machines get, such as 127.77.3.0/24."""
        ...

    def boot(self, spec: MachineSpec) -> Machine:
        """Start a machine and return while it boots. Raises BootFailed."""
        ...

    def close(self) -> None:
        """Destroy all machines and give back the network."""
        ...
