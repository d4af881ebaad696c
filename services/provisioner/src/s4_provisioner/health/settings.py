"""How often hosts and grids are looked at, and what is put up with."""

from datetime import timedelta

from s4_runtime import ServiceSettings


class HealthSettings(ServiceSettings, frozen=True, kw_only=True):
    """Part of the provisioner's settings."""

    # A host is greeted this often, give or take a quarter.
    look_every: timedelta = timedelta(seconds=20)
    # How often its platform is asked for its own checks and plans, and the host for its report (one login).
    check_every: timedelta = timedelta(minutes=5)
    report_every: timedelta = timedelta(minutes=10)
    # A host that is silent, or ill by its platform's checks, for this long and at two looks is lost. A reboot for a
    # security update takes less than the first; EC2's checks run every minute.
    silent_limit: timedelta = timedelta(minutes=3)
    impaired_limit: timedelta = timedelta(minutes=5)
    # A host with less room on its disk gets no more grids.
    least_disk_mib: int = 1024
    looks_at_once: int = 200
    reports_at_once: int = 20

    # How often it is seen whether a grid's storage server is there, and whether a real client can use it.
    grid_look_every: timedelta = timedelta(minutes=5)
    probe_every: timedelta = timedelta(hours=6)
    # A failing grid is seen to again after this long.
    failing_look_every: timedelta = timedelta(seconds=15)
    # How often an hour a grid's node is told anew on its host before the grid moves, once, and then waits for a person;
    # and how long the grid may take to be ready after that.
    mends_per_hour: int = 2
    mend_limit: timedelta = timedelta(minutes=2)

    # So many hosts or grids of a region, and more than this part of them, gone bad within the window: nothing is
    # replaced or mended there. After the rest, or when they answer again, a few are tried first.
    breaker_least: int = 5
    breaker_share: float = 0.2
    breaker_window: timedelta = timedelta(minutes=5)
    breaker_calm: timedelta = timedelta(minutes=1)
    breaker_rest: timedelta = timedelta(minutes=15)
    breaker_trials: int = 2

    # How often a bucket is counted by us whose host does not say how much it holds.
    measure_every: timedelta = timedelta(days=1)
