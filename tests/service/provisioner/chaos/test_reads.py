"""What is asked of the database all the time does not grow with the number of grids."""

import asyncio

from support.asked_sql import Asked, listening_pool, read_whole
from support.calm_hosts import calm_hosts
from support.calm_service import calm_loops, calm_tools
from support.fleets import a_fleet
from support.grid_cloud import REGION
from support.provisioner import Calendar, some_settings, tools_without_aws
from support.resting_fleet import fill
from support.waiting import until
from support.ward import MemoryRights


async def test_no_round_of_any_loop_reads_all_grids_or_all_hosts(database: str) -> None:
    asked, calendar = Asked(), Calendar()
    settings = some_settings(database, fleet=a_fleet(shared={"isolation": "shard", "capacity": 500}))
    async with listening_pool(database, asked) as pool:
        await fill(pool, "shared", REGION, hosts=20, grids_each=500)
        await fill(pool, "alone", REGION, hosts=20_000, grids_each=1)
        hosts, rights = await calm_hosts(pool, calendar), MemoryRights(calendar, settings.session_length)
        tools = calm_tools(tools_without_aws(settings, calendar, pool), hosts, rights)
        asked.forget()
        serving = [asyncio.create_task(each) for each in calm_loops(pool, tools, hosts)]
        try:
            calls = ("greeting of a host", "SSH login", "TLS greeting of a grid", "ec2:DescribeInstanceStatus")
            await until(
                lambda: rights.had and all(hosts.calls[each] for each in calls), within=30, what="all had a turn"
            )
        finally:
            for task in serving:
                task.cancel()
            await asyncio.gather(*serving, return_exceptions=True)
        assert "\n".join(await read_whole(pool, asked, "grids", "hosts")) == ""
