"""How much grids hold: told by their hosts, or counted in their buckets."""

from datetime import timedelta

from s4_aws.buckets import Measure
from s4_contracts.provisioner import UsageMeasured
from s4_provisioner.health.usage import Measuring
from s4_runtime import Temporary
from support.ward import Ward

MINUTE, DAY, GIB = timedelta(minutes=1), timedelta(days=1), 2**30


async def test_what_a_host_tells_of_its_grids_is_kept_and_news_is_told(ward: Ward) -> None:
    host, (first, second) = await ward.host(grids=2)
    ward.machine(host).holds = {first: (GIB, 7), second: (0, 0)}

    await ward.look()
    await ward.look(15 * MINUTE)
    (told,) = await ward.told(UsageMeasured, first)
    assert (told.stored_bytes, told.objects, told.quota_bytes) == (GIB, 7, None)
    assert await ward.of_grid(first, "stored_bytes") == GIB

    ward.machine(host).holds[first] = (2 * GIB, 9)
    await ward.look(15 * MINUTE)
    assert [each.stored_bytes for each in await ward.told(UsageMeasured, first)] == [GIB, 2 * GIB]
    assert len(await ward.told(UsageMeasured, second)) == 1


async def test_what_does_not_change_is_told_once_a_day(ward: Ward) -> None:
    host, (grid,) = await ward.host()
    ward.machine(host).holds = {grid: (GIB, 7)}

    for _ in range(16):
        await ward.look(timedelta(hours=3))

    assert len(await ward.told(UsageMeasured, grid)) in {2, 3}


class Buckets:
    """A bucket that can be counted, when it can."""

    def __init__(self) -> None:
        self.counted = 0
        self.answers: list[Measure | Exception] = []

    async def measure(self, _name: str, _at_most_pages: int) -> Measure:
        self.counted += 1
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_a_bucket_is_counted_daily_where_the_host_does_not_tell(ward: Ward) -> None:
    _, (grid,) = await ward.host()
    buckets = Buckets()
    buckets.answers = [Temporary("aws-busy"), Measure(3, GIB, is_whole=True), Measure(1, 5, is_whole=False)]
    counting = Measuring(ward.pool, ward.with_buckets(buckets))

    await counting.round()
    await counting.round()
    assert buckets.counted == 1, "after trouble it is held off for some time"
    await ward.later(31 * MINUTE)
    await counting.round()
    await counting.round()
    await ward.later(DAY)
    await counting.round()

    assert buckets.counted == 3
    (told,) = await ward.told(UsageMeasured, grid)
    assert (told.stored_bytes, told.objects) == (GIB, 3), "what was not counted to its end is not told"


async def test_what_the_host_tells_is_not_counted_again(ward: Ward) -> None:
    host, (grid,) = await ward.host()
    ward.machine(host).holds = {grid: (GIB, 7)}
    buckets = Buckets()

    await ward.look()
    await Measuring(ward.pool, ward.with_buckets(buckets)).round()

    assert buckets.counted == 0
