"""Ports as ranges."""

import pytest

from s4_devcloud.machines.ranges import Ranges, count, holds, merged, of_ports, ports_of, without


@pytest.mark.parametrize(
    ("given", "same"),
    [
        ((), ()),
        (((5, 9), (1, 2)), ((1, 2), (5, 9))),
        (((1, 4), (5, 9)), ((1, 9),)),
        (((1, 9), (3, 4)), ((1, 9),)),
        (((7, 7), (7, 7)), ((7, 7),)),
    ],
)
def test_ranges_are_in_order_and_neighbours_are_one(given: Ranges, same: Ranges) -> None:
    assert merged(given) == same
    assert ports_of(same) == sorted({port for first, last in given for port in range(first, last + 1)})
    assert count(same) == len(ports_of(same))


@pytest.mark.parametrize(
    ("ports", "left"),
    [((), ((1, 9),)), ((1,), ((2, 9),)), ((9, 5), ((1, 4), (6, 8))), ((10,), ((1, 9),)), (range(1, 10), ())],
)
def test_ports_can_be_taken_out(ports: tuple[int, ...], left: Ranges) -> None:
    assert without(((1, 9),), ports) == left
    assert not any(holds(left, port) for port in ports)


def test_ports_make_ranges() -> None:
    assert of_ports([22, 80, 81, 23]) == ((22, 23), (80, 81))
