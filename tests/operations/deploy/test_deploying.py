"""A release on its way into a cluster: forward, back, cut off, and gone on with."""

from datetime import UTC, datetime, timedelta

import pytest

from s4_ops.deploy.deploying import RolledBack
from s4_ops.deploy.kubectl import Kubectl
from s4_ops.deploy.lock import DeployRunning, LeaseLost, Lock
from s4_ops.deploy.records import Record
from s4_ops.deploy.rollout import MigrationFailed
from s4_runtime import Permanent, SystemClock
from support.installation import Installation

pytestmark = pytest.mark.long


def test_a_release_is_migrated_to_and_then_served(installation: Installation) -> None:
    one = installation.released("one")

    installation.deploying().bring(installation.record(one))

    assert installation.running() == {name: installation.image(one, name) for name in ("billing", "web")}
    (record,) = installation.site().records.all()
    assert (record.state, [*record.release.images]) == ("done", ["billing", "web"])
    assert Kubectl("s4-staging").get("configmap", "release")


def test_services_are_replaced_in_the_order_in_which_they_are_needed(installation: Installation) -> None:
    said: list[str] = []

    installation.deploying(say=said.append).bring(installation.record(installation.released("one")))

    steps = [line for line in said if "REVISION" not in line]
    assert [line.partition(":")[2] for line in steps[:2]] == [" runs", " done"]
    assert steps[2:6] == ["billing: is replaced", "billing: ready", "web: is replaced", "web: ready"]


def test_a_migration_that_fails_stops_everything_before_traffic_moves(installation: Installation) -> None:
    one, two, said = installation.released("one"), installation.released("two"), list[str]()
    installation.deploying().bring(installation.record(one))
    installation.pretend(f"{installation.image(two, 'billing')} migrate", ends=1, prints="no such column")

    with pytest.raises(MigrationFailed, match="migration-failed"):
        installation.deploying(say=said.append).bring(installation.record(two))

    assert installation.running()["web"] == installation.image(one, "web")
    assert any("no such column" in line for line in said)
    assert [record.state for record in installation.site().records.all()] == ["failed", "done"]


def test_a_service_that_does_not_get_ready_brings_everything_back(installation: Installation) -> None:
    one, two = installation.released("one"), installation.released("two")
    installation.deploying().bring(installation.record(one))
    installation.pretend(installation.image(two, "web"), is_ready=False)

    with pytest.raises(RolledBack):
        installation.deploying().bring(installation.record(two))

    assert installation.running() == {name: installation.image(one, name) for name in ("billing", "web")}
    latest = installation.site().records.latest()
    assert latest
    assert latest.state == "rolled-back"


def test_customers_who_fare_worse_bring_everything_back(installation: Installation) -> None:
    one, two = installation.released("one"), installation.released("two")
    installation.deploying().bring(installation.record(one))
    counters, record = installation.counters, installation.record(two)
    counters.before = {'step="paid"': 20, 'step="furl-issued"': 20}
    counters.after, counters.turned_at = {'step="paid"': 20, 'step="furl-issued"': 1}, record.started_at

    with pytest.raises(RolledBack, match="20 paid and 1 got a furl"):
        installation.deploying(watched=True).bring(record)

    assert installation.running()["web"] == installation.image(one, "web")


def test_nobody_who_buys_is_told_and_not_taken_for_health(installation: Installation) -> None:
    said: list[str] = []

    installation.deploying(watched=True, say=said.append).bring(installation.record(installation.released("one")))

    assert "NOBODY BOUGHT" in said[-1]


def test_an_observer_that_falls_silent_is_told_of_and_brings_nothing_back(installation: Installation) -> None:
    one, said = installation.released("one"), list[str]()
    installation.counters.is_down = True

    installation.deploying(watched=True, say=said.append).bring(installation.record(one))

    assert "NOT SEEN" in said[-1]
    assert installation.running()["web"] == installation.image(one, "web")


def test_two_at_once_do_not_happen(installation: Installation) -> None:
    kubectl, clock = Kubectl("s4-staging"), SystemClock()
    mine, theirs = (Lock(kubectl, holder, clock) for holder in ("ada", "bob"))

    with mine.held(), pytest.raises(DeployRunning, match="holder=ada"), theirs.held():
        pytest.fail("both have it")
    with theirs.held():
        pass


def test_a_lease_that_ran_out_is_taken_over_and_its_holder_stops(installation: Installation) -> None:
    kubectl, clock = Kubectl("s4-staging"), SystemClock()
    dead = Lock(kubectl, "dead", clock, timedelta(seconds=1))
    with dead.held():
        lease = kubectl.get("lease", "s4-deploy")
        assert lease
        lease["spec"]["renewTime"] = "2026-01-01T00:00:00.000000Z"
        assert kubectl.replace(lease)
        with Lock(kubectl, "next", clock).held():
            dead._renewed = None
            with pytest.raises(LeaseLost):
                dead.keep()


class Killed(BaseException):
    """As SIGKILL: nobody catches it, and what comes after does not happen."""


@pytest.mark.parametrize("at", range(5))
def test_who_is_killed_anywhere_goes_on_from_there(installation: Installation, at: int) -> None:
    one, two = installation.released("one"), installation.released("two")
    installation.deploying().bring(installation.record(one))
    said: list[str] = []

    def die(line: str) -> None:
        said.append(line)
        if len(said) > at:
            raise Killed

    with pytest.raises(Killed):
        installation.deploying(say=die).bring(installation.record(two))
    installation.deploying().bring(installation.record(two))

    assert installation.running() == {name: installation.image(two, name) for name in ("billing", "web")}
    assert [record.state for record in installation.site().records.all()] == ["done", "done"]


def test_who_is_killed_on_the_way_back_goes_on_going_back(installation: Installation) -> None:
    one, two = installation.released("one"), installation.released("two")
    installation.deploying().bring(installation.record(one))
    installation.pretend(installation.image(two, "web"), is_ready=False)

    def die(line: str) -> None:
        if "going back" in line:
            raise Killed

    with pytest.raises(Killed):
        installation.deploying(say=die).bring(installation.record(two))
    with pytest.raises(RolledBack):
        installation.deploying().bring(installation.record(two))

    assert installation.running()["web"] == installation.image(one, "web")


def test_another_release_waits_until_the_unfinished_one_is_finished_or_taken_back(installation: Installation) -> None:
    one, two, three = (installation.released(words) for words in ("one", "two", "three"))
    installation.deploying().bring(installation.record(one))
    installation.site().records.add(installation.record(two))

    with pytest.raises(Permanent, match="unfinished-deploy"):
        installation.deploying().bring(installation.record(three))

    installation.deploying().back()
    installation.deploying().bring(installation.record(three))
    assert [record.state for record in installation.site().records.all()] == ["done", "rolled-back", "done"]


def test_settings_of_old_releases_go_and_those_of_others_stay(installation: Installation) -> None:
    labels = {"app.kubernetes.io/part-of": "s4"}
    others = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "platform", "labels": labels}, "data": {}}
    kubectl = Kubectl("s4-staging")
    assert kubectl.create(others)
    for words in ("one", "two", "three"):
        installation.deploying().bring(installation.record(installation.released(words)))

    names = {one["metadata"]["name"].partition("-of-")[2] for one in kubectl.select("configmaps", "")}
    assert {"two", "three"} <= names
    assert "one" not in names
    assert kubectl.get("configmap", "platform")


def test_records_stay_few_and_the_last_that_was_finished_stays(installation: Installation) -> None:
    one = installation.record(installation.released("one"))
    records = installation.site().records
    records.add(Record(text=one.text, signature=one.signature, state="done", started_at=datetime.now(UTC)))
    for _ in range(22):
        records.add(Record(text=one.text, signature=one.signature, state="failed", started_at=datetime.now(UTC)))

    found = records.all()

    assert len(found) == 20
    assert found[-1].state == "done"
