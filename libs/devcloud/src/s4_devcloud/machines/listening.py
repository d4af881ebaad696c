"""On which ports something listens, asked of the kernel by sock_diag(7): it goes through listeners alone.

The files of /proc/net go through the machine's whole table of connections, for each network namespace anew.
"""

import socket
import struct
from collections import defaultdict
from collections.abc import Iterator, Mapping

from s4_devcloud.machines.netns import make_socket

Places = Mapping[str, set[int]]  # ports on which something listens, by address

_SOCK_DIAG = 4  # NETLINK_SOCK_DIAG, <linux/netlink.h>
_BY_FAMILY = 20  # SOCK_DIAG_BY_FAMILY, <linux/sock_diag.h>
_DUMP = 0x301  # NLM_F_REQUEST | NLM_F_DUMP, <linux/netlink.h>
_LISTENS = 1 << 10  # TCP_LISTEN as one of a set, <net/tcp_states.h>
_ERROR, _DONE = 2, 3  # NLMSG_ERROR, NLMSG_DONE
_HEADER = struct.Struct("=IHHII")  # nlmsghdr: length, type, flags, sequence, port
_QUESTION = struct.Struct("=BBBxI48x")  # inet_diag_req_v2: family, protocol, extensions, states, any socket
_PORT = struct.Struct(">H")  # inet_diag_msg begins: family, state, timer, retransmissions; then ports and addresses
_AT_PORT, _AT_ADDRESS = _HEADER.size + 4, _HEADER.size + 8
_LENGTHS = {socket.AF_INET: 4, socket.AF_INET6: 16}
_ANSWER_BYTES = 65_536  # the kernel gives less at a time


class Listening:
    """One network namespace, or ours; it stays that one."""

    def __init__(self, netns: str | None) -> None:
        """Raises OSError: there is no such namespace."""
        self._asks = make_socket(netns, socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG)

    def places(self) -> Places:
        """Where something listens now. Raises OSError."""
        found: defaultdict[str, set[int]] = defaultdict(set)
        for family in _LENGTHS:
            for address, port in self._of(family):
                found[address].add(port)
        return found

    def close(self) -> None:
        """Nothing is asked any more."""
        self._asks.close()

    def _of(self, family: socket.AddressFamily) -> Iterator[tuple[str, int]]:
        question = _QUESTION.pack(family, socket.IPPROTO_TCP, 0, _LISTENS)
        self._asks.send(_HEADER.pack(_HEADER.size + len(question), _BY_FAMILY, _DUMP, 1, 0) + question)
        while True:
            answer, at = self._asks.recv(_ANSWER_BYTES), 0
            while at < len(answer):
                length, kind, *_ = _HEADER.unpack_from(answer, at)
                if kind == _DONE:
                    return
                if kind == _ERROR:
                    (number,) = struct.unpack_from("=i", answer, at + _HEADER.size)
                    raise OSError(-number, "the kernel does not tell who listens (sock_diag)")
                (port,) = _PORT.unpack_from(answer, at + _AT_PORT)
                address = answer[at + _AT_ADDRESS : at + _AT_ADDRESS + _LENGTHS[family]]
                yield socket.inet_ntop(family, address), port
                at += (length + 3) & ~3  # NLMSG_ALIGN
