import itertools
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from s4_devcloud.machines.network import Network, NetworkTaken, partner


def test_a_network_is_claimed_once(tmp_path: Path) -> None:
    network = Network.claim(None, tmp_path)
    try:
        with pytest.raises(NetworkTaken, match="in use"):
            Network.claim(str(network), tmp_path)
    finally:
        network.release()
    Network.claim(str(network), tmp_path).release()


def test_the_same_state_folder_gets_the_same_network_while_that_is_free(tmp_path: Path) -> None:
    first = Network.claim(None, tmp_path)
    second = Network.claim(None, tmp_path)
    first.release()
    third = Network.claim(None, tmp_path)
    second.release()
    third.release()

    assert str(first) == str(third) != str(second)


def test_an_address_where_something_answers_is_passed_over(tmp_path: Path, free_port: Callable[[], int]) -> None:
    network, port = Network.claim(None, tmp_path), free_port()
    try:
        with socket.create_server((f"{network.prefix}.10", port)):
            assert network.take(port) == f"{network.prefix}.11"
    finally:
        network.release()


def test_a_listener_on_all_addresses_is_told_as_the_reason(tmp_path: Path) -> None:
    network = Network.claim(None, tmp_path)
    try:
        taken = pytest.raises(NetworkTaken, match=r"0\.0\.0\.0")
        with socket.create_server(("0.0.0.0", 0)) as everywhere, taken:
            network.take(everywhere.getsockname()[1])
    finally:
        network.release()


def test_an_address_given_back_is_taken_again_and_never_twice(tmp_path: Path, free_port: Callable[[], int]) -> None:
    network, port = Network.claim(None, tmp_path), free_port()
    try:
        taken = [network.take(port) for _ in range(241)]
        assert len(set(taken)) == 241
        with pytest.raises(NetworkTaken):
            network.take(port)
        network.give_back(taken[7])
        assert network.take(port) == taken[7]
    finally:
        network.release()


@pytest.mark.parametrize("wrong", ["10.0.0.0/24", "127.0.0.0/16", "127.200.1.0/24"])
def test_only_a_small_loopback_network_below_the_partners_is_accepted(wrong: str, tmp_path: Path) -> None:
    with pytest.raises(NetworkTaken, match="not a /24"):
        Network.claim(wrong, tmp_path)


def test_partners_never_meet_the_addresses_of_machines() -> None:
    addresses = [f"127.{second}.7.10" for second in range(64, 121)]

    assert not set(addresses) & set(map(partner, addresses))
    assert len(set(itertools.chain(addresses, map(partner, addresses)))) == 2 * len(addresses)
