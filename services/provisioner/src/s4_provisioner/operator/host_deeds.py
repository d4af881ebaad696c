"""What operators do to a host, and to a region's breaker."""

from typing import Literal

from s4_provisioner import moves, store
from s4_provisioner.fleet import store as hosts
from s4_provisioner.fleet.hosts import Host
from s4_provisioner.fleet.lifecycle import HostWanted
from s4_provisioner.health import breakers
from s4_provisioner.operator.asking import Act, Answer, Wish, locked_host
from s4_provisioner.operator.confirming import confirmed
from s4_runtime.refusals import NotNow, WrongWish


class Releasing(Wish, frozen=True, kw_only=True):
    """``force``: also a host with grids, which then are without one until they are served elsewhere."""

    force: bool = False


class Forcing(Wish, frozen=True, kw_only=True):
    """``state``: what holds from now on; None leaves it to the rule, which begins anew."""

    state: Literal["open", "closed"] | None = None


async def drain(act: Act, wish: Wish) -> Answer:
    """No grid is placed on the host any more, and those on it move off it, a few at a time; then it goes."""
    host = await locked_host(act)
    if host.wanted is HostWanted.ABSENT:
        raise NotNow("host-goes-already")
    would = await _would(act, host)
    many = act.tools.settings.drain_unasked_grids
    if wish.dry_run or len(would["grids"]) > many:
        waits = await confirmed(act, wish, would, stamp=host.wanted)
        if waits is not None:
            return waits
    await hosts.drain(act.tx, host.id, f"operator:{act.who}", act.now)
    return {"host": host.id, "wanted": HostWanted.DRAINED, "grids": len(would["grids"])}


async def undrain(act: Act, _wish: Wish) -> Answer:
    """The host takes grids again, if it has room. Raises NotNow."""
    host = await locked_host(act)
    if host.wanted is HostWanted.ABSENT:
        raise NotNow("host-goes-already")
    await act.tx.execute(
        "update hosts set wanted = 'open', reason = null where id = $1 and wanted = 'drained'", host.id
    )
    return {"host": host.id, "wanted": HostWanted.OPEN}


async def release(act: Act, wish: Releasing) -> Answer:
    """The host goes now. Raises NotNow for one with grids, which is to be drained, unless forced."""
    host = await locked_host(act)
    if host.wanted is HostWanted.ABSENT:
        return {"host": host.id, "wanted": host.wanted, "stage": host.stage}
    would = await _would(act, host)
    if (would["grids"] or would["leaving"]) and not wish.force:
        raise NotNow("host-has-grids")
    many = len(would["grids"]) > act.tools.settings.drain_unasked_grids
    waits = await confirmed(act, wish, would, stamp=f"{len(would['grids'])}", by_another=many)
    if waits is not None:
        return waits
    lost = await moves.lose_host(act.tx, host.id, "operator", act.now)
    return {"host": host.id, "wanted": HostWanted.ABSENT, "grids": len(lost)}


async def _would(act: Act, host: Host) -> Answer:
    return {
        "host": host.id,
        "pool": host.pool,
        "machine": host.instance_id,
        "grids": await store.on_host(act.tx, host.id),
        "leaving": await hosts.leaving_here(act.tx, host.id),
    }


async def force_breaker(act: Act, wish: Forcing) -> Answer:
    """The region's breaker is as a person says. Raises WrongWish for a region in which no pool is."""
    regions = {pool.region for pool in act.tools.fleet.pools.values()}
    if act.about not in regions:
        raise WrongWish("no-such-region")
    await breakers.force(act.tx, act.about, wish.state, act.now)
    return {"region": act.about, "forced": wish.state}
