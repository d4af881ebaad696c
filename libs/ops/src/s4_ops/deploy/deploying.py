"""A release on its way: locked, recorded, migrated, rolled out, watched, and brought back when customers suffer.

Whatever line it dies on, the same command goes on from there: every step looks at what is there first, and the record
says whether the way was forward or back.
"""

from dataclasses import dataclass
from datetime import timedelta

import msgspec

from s4_ops.deploy.funnel import Prometheus, regressions, summary
from s4_ops.deploy.kubectl import Object
from s4_ops.deploy.records import Record, State
from s4_ops.deploy.rendering import Rendered
from s4_ops.deploy.rollout import MigrationFailed, NotReady, Rollout, Say
from s4_ops.deploy.site import Site, is_same
from s4_runtime import Clock, Permanent, Temporary


class RolledBack(Permanent):
    """The release was taken back; what ran before runs again."""


class Regressed(Permanent):
    """Customers fare worse than before."""


@dataclass(frozen=True)
class Watch:
    """For how long customers are watched, and how often."""

    prometheus: Prometheus | None
    span: timedelta = timedelta(minutes=10)
    every: timedelta = timedelta(seconds=20)


class Deploying:
    """Brings releases to one site."""

    def __init__(self, site: Site, rollout: Rollout, watch: Watch, clock: Clock, say: Say) -> None:
        self._site, self._lock, self._rollout = site, rollout.lock, rollout
        self._watch, self._clock, self._say = watch, clock, say

    def bring(self, wanted: Record) -> None:
        """The release of the record is served. Raises RolledBack, MigrationFailed, and what refuses it."""
        with self._lock.held():
            record = self._begin(wanted)
            if record.state == "rolling-back":
                self._say("an attempt that was cut off was going back: going on with that")
                self._go_back(record)
            rendered = self._site.rendered(record.release)
            try:
                self._forward(record, rendered)
            except (NotReady, Regressed) as trouble:
                record = self._note(record, "rolling-back", str(trouble))
                self._say(f"{trouble}: going back")
                self._go_back(record)

    def back(self) -> None:
        """What was served before the newest release is served again. Raises Permanent where nothing was."""
        with self._lock.held():
            record = self._site.records.latest()
            if record is None or record.state in {"failed", "rolled-back"}:
                raise Permanent("nothing-to-roll-back")
            try:
                self._go_back(self._note(record, "rolling-back", record.why or "asked for"))
            except RolledBack as done:
                self._say(str(done))

    def _begin(self, wanted: Record) -> Record:
        """The open record of this release, or a new one. Raises Permanent when one of another release is open."""
        latest = self._site.records.latest()
        if latest is not None and latest.is_open:
            if not is_same(latest.release, wanted.release):
                raise Permanent("unfinished-deploy", revision=latest.release.revision, state=latest.state)
            return latest
        self._site.records.add(wanted)
        return wanted

    def _forward(self, record: Record, rendered: Rendered) -> None:
        self._rollout.apply(rendered.first)
        try:
            self._rollout.migrate(rendered.before)
        except MigrationFailed as trouble:
            self._note(record, "failed", str(trouble))
            raise
        self._rollout.apply(rendered.rest)
        for service in rendered.services:
            self._rollout.bring(service)
        seen = self._look(record, rendered.services)
        # what makes the former release useless comes when there is no way back any more
        try:
            self._rollout.migrate(rendered.after)
        except MigrationFailed as trouble:
            self._note(record, "done", f"{trouble}; the new release serves")
            raise
        self._rollout.apply(rendered.last)
        self._note(record, "done", seen)
        self._tidy()
        self._say(seen)

    def _look(self, record: Record, services: list[Object]) -> str:
        """What was seen of customers. Raises Regressed."""
        prometheus = self._watch.prometheus
        if prometheus is None:
            return "NOT WATCHED: whether customers fare as before is not known"
        began, until = self._clock.now(), self._clock.monotonic() + self._watch.span.total_seconds()
        seen = "prometheus does not answer: WHAT CUSTOMERS MEET WAS NOT SEEN"
        while True:
            if unready := self._rollout.unready(services):
                raise Regressed("not-available-any-more", services=",".join(unready))
            is_last = self._clock.monotonic() >= until
            try:
                now = self._clock.now()
                before = prometheus.seen(record.started_at, self._watch.span)
                after = prometheus.seen(now, max(now - began, timedelta(seconds=1)))
                seen = summary(after)
                if worse := regressions(before, after):
                    raise Regressed("; ".join(worse))
            except Temporary as trouble:
                self._say(str(trouble))
            if is_last:
                return seen
            self._rollout.pause(self._watch.every)

    def _go_back(self, record: Record) -> None:
        """Always raises: RolledBack when what was served before is served again."""
        former = self._site.records.served()
        if former is None:
            self._note(record, "failed", f"{record.why}; there was nothing before it")
            raise Permanent("nothing-to-roll-back-to", revision=record.release.revision)
        release = self._site.recorded(former)
        rendered = self._site.rendered(release)
        self._rollout.apply([*rendered.first, *rendered.rest])
        for service in reversed(rendered.services):
            self._rollout.bring(service)
        self._rollout.apply(rendered.last)
        self._note(record, "rolled-back", record.why)
        raise RolledBack("rolled-back", to=release.revision, why=record.why)

    def _note(self, record: Record, state: State, why: str) -> Record:
        is_over = state not in {"deploying", "rolling-back"}
        ended = self._clock.now() if is_over else None
        changed = msgspec.structs.replace(record, state=state, why=why, ended_at=ended)
        self._lock.keep()
        self._site.records.change(changed)
        return changed

    def _tidy(self) -> None:
        """ConfigMaps that the last release but two named, and none since, are gone. What others made stays."""
        done = [record for record in self._site.records.all() if record.state == "done"]
        former = [self._settings_of(record) for record in done[:3]]
        if len(former) == 3:
            for name in sorted(former[2] - former[1] - former[0]):
                self._site.kubectl.delete("configmap", name)

    def _settings_of(self, record: Record) -> set[str]:
        rendered = self._site.rendered(record.release)
        return {one["metadata"]["name"] for one in rendered.lasting if one["kind"] == "ConfigMap"}
