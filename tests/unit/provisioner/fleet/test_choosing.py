from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as some

from s4_contracts.ids import AccountId, GridId, HostId
from s4_provisioner.fleet.pools import Isolation, Pool
from s4_provisioner.placing import Candidate, Place, Resident, choose
from s4_runtime import new_id

ME = AccountId(new_id())
OTHERS = [AccountId(new_id()) for _ in range(3)]
PORT = 10_000


def a_pool(isolation: Isolation = "shard", capacity: int = 6, grids_per_shard: int = 2) -> Pool:
    return Pool(isolation=isolation, capacity=capacity, grids_per_shard=grids_per_shard)


def resident(account: AccountId = OTHERS[0], port: int = 20_000, shard: str | None = "shard-0") -> Resident:
    return Resident(GridId(new_id()), account, port, shard)


def a_host(*residents: Resident, is_ready: bool = True, zone: str | None = "a", slots: int = 6) -> Candidate:
    return Candidate(host_id=HostId(new_id()), is_ready=is_ready, zone=zone, residents=residents, slots=slots)


def placed(*candidates: Candidate, pool: Pool | None = None) -> Place | None:
    return choose(ME, PORT, pool or a_pool(), candidates)


def test_the_first_that_has_room_is_taken() -> None:
    full, first, second = a_host(*[resident()] * 6), a_host(resident()), a_host()
    assert placed(full, first, second) == Place(first.host_id, "shard-0", is_last=False)


def test_a_host_that_is_ready_comes_before_one_that_is_not() -> None:
    coming, ready = a_host(is_ready=False), a_host(resident(ME))
    assert placed(coming, ready) == Place(ready.host_id, "shard-0", is_last=False)


def test_grids_of_one_customer_are_spread_over_hosts_and_zones() -> None:
    mine, same_zone, other_zone = a_host(resident(ME)), a_host(), a_host(zone="b")
    assert placed(mine, same_zone, other_zone) == Place(other_zone.host_id, "shard-0", is_last=False)
    assert placed(mine, same_zone) == Place(same_zone.host_id, "shard-0", is_last=False)


@pytest.mark.parametrize("taken", [PORT - 1, PORT, PORT + 1])
def test_ports_that_are_in_use_on_a_host_rule_it_out(taken: int) -> None:
    assert placed(a_host(resident(port=taken))) is None


def test_whose_last_place_is_taken_is_full() -> None:
    last = a_host(*[resident()] * 5)
    found = placed(last)
    assert found
    assert found.is_last


def test_full_processes_are_left_alone_and_a_new_one_is_begun() -> None:
    found = placed(a_host(resident(shard="shard-1"), resident(shard="shard-1")))
    assert found
    assert found.shard == "shard-0"


def test_grids_that_do_not_share_a_process_have_no_shard() -> None:
    found = placed(a_host(), pool=a_pool("process"))
    assert found
    assert found.shard is None


HOSTS = some.lists(
    some.builds(
        lambda ready, zone, slots: a_host(is_ready=ready, zone=zone, slots=slots),
        some.booleans(),
        some.sampled_from("abc"),
        some.integers(1, 5),
    ),
    min_size=1,
    max_size=4,
)
GRIDS = some.lists(some.tuples(some.sampled_from([ME, *OTHERS]), some.integers(0, 12)), max_size=25)


@given(HOSTS, GRIDS)
def test_placed_one_after_the_other_grids_never_get_in_each_others_way(
    hosts: list[Candidate], grids: list[tuple[AccountId, int]]
) -> None:
    pool, rooms = a_pool(), {host.host_id: host for host in hosts}
    for account, number in grids:
        port = PORT + 2 * number
        found = choose(account, port, pool, [*rooms.values()])
        if found is None:
            assert all(_has_none(host, port) for host in rooms.values()), "there was room"
            continue
        host = rooms[found.host_id]
        here = [*host.residents, Resident(GridId(new_id()), account, port, found.shard)]
        assert len(here) <= host.slots
        assert found.is_last == (len(here) == host.slots)
        ports = [port for each in here for port in (each.port, each.port + 1)]
        assert len(set(ports)) == len(ports), "two grids have a port in common"
        assert max(Counter(each.shard for each in here).values()) <= pool.grids_per_shard
        best = (
            min(_of(account, each) for each in rooms.values() if not _has_none(each, port) and each.is_ready)
            if (any(not _has_none(each, port) and each.is_ready for each in rooms.values()))
            else None
        )
        assert best is None or (host.is_ready and _of(account, host) == best), "the customer's grids are not spread"
        rooms[found.host_id] = Candidate(
            host_id=host.host_id, is_ready=host.is_ready, zone=host.zone, residents=here, slots=host.slots
        )


def _of(account: AccountId, host: Candidate) -> int:
    return sum(there.account_id == account for there in host.residents)


def _has_none(host: Candidate, port: int) -> bool:
    return len(host.residents) >= host.slots or port in {there.port for there in host.residents}
