"""Ports are chosen before anybody listens on them, by several at once."""

import subprocess
import sys

from s4_shop.ports import free_port, is_free

SEVERAL = "from s4_shop.ports import free_port; print(*(free_port() for _ in range(100)), flush=True); input()"


def test_two_who_choose_at_once_choose_different_ports() -> None:
    command = [sys.executable, "-c", SEVERAL]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as one,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other,
    ):
        assert one.stdout is not None
        assert other.stdout is not None
        chosen = one.stdout.readline().split() + other.stdout.readline().split()
        one.communicate("\n")
        other.communicate("\n")
    assert len(chosen) == len(set(chosen)) == 200


def test_a_chosen_port_can_be_listened_on() -> None:
    assert is_free(free_port())


def test_so_many_ports_can_be_chosen_that_the_first_are_free_again() -> None:
    assert len({free_port() for _ in range(500)}) > 400
