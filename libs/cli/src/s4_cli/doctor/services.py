"""What a look at one service, and at all of them together, says is wrong. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType

from s4_cli.doctor.finding import Finding
from s4_cli.doctor.looking import Look
from s4_cli.doctor.outages import of_outages

SKEW = timedelta(seconds=5)  # an HTTP date has whole seconds, and the answer took some time
PARKED = "events-parked"
_OUTBOX_OLD, _QUEUE_OLD, _LETTER_OLD = 60, 300, 900  # seconds
# How old a loop's last success may be. Those that look rarely are named.
_STALE = timedelta(minutes=15)
_RARE: Mapping[str, timedelta] = MappingProxyType(
    {"sweep": timedelta(hours=13), "prune": timedelta(hours=4), "catalogue": timedelta(hours=3)}
)
# Loops that tell only when there is something to do.
_QUIET = frozenset({"web-live"})


def of_all(looks: Sequence[Look], deployment: str) -> Iterator[Finding]:
    """All findings about services."""
    for look in looks:
        if not look.answers:
            yield _down(look)
            continue
        for check in (_parts, of_outages, _clock, _loops, _outbox, _queue, _parked, _letters, _breaker, _stripe):
            yield from check(look)
    yield from _skew([look for look in looks if look.answers], deployment)


def _down(look: Look) -> Finding:
    return Finding(
        severity="critical",
        about=look.service,
        what=f"does not answer at {look.url}",
        why="what it does for customers waits; events for it stay in its queue and are not lost",
        do=f"read its last log lines; exit status 78 is a setting or a missing migration (python -m s4_{look.service}"
        " migrate), 75 something that it waits for",
        runbook="target-down",
    )


def _parts(look: Look) -> Iterator[Finding]:
    words = {
        "database": ("its database does not answer", "database-down", "is PostgreSQL up, and its password the same?"),
        "consumer": ("it takes no events from its queue", "bus-disconnected", "is RabbitMQ up, and may its user read?"),
        "relay": ("it tells no events", "bus-disconnected", "is RabbitMQ up, and may its user write?"),
    }
    for part in sorted(name for name, holds in look.parts.items() if not holds):
        what, runbook, do = words.get(part, (f"{part} is not ready", "target-down", "read its log"))
        yield Finding(
            severity="critical",
            about=look.service,
            what=what,
            why="nothing is lost meanwhile, but its customers wait until it is back",
            do=do,
            runbook=runbook,
        )


def _clock(look: Look) -> Iterator[Finding]:
    if look.its_time is not None and (gap := abs(look.its_time - look.at)) > SKEW:
        yield Finding(
            severity="warning",
            about=look.service,
            what=f"its clock and ours differ by {gap.total_seconds():.0f} s",
            why="Stripe's and AWS's signatures end after 5 minutes; leases and times in letters are wrong before that",
            do="timedatectl on its host, and here: is time synchronised?",
            runbook="clock-skew",
        )


def _loops(look: Look) -> Iterator[Finding]:
    for loop, at in look.values("s4_loop_last_success_timestamp_seconds").items():
        age = timedelta(seconds=look.at.timestamp() - at)
        if loop not in _QUIET and age > _RARE.get(loop, _STALE):
            yield Finding(
                severity="warning",
                about=look.service,
                what=f"the loop {loop} last did all of its work {_minutes(age)} ago",
                why="what it keeps true is no longer kept true",
                do=f"look for loop.failed and its code in the log, and at s4_loop_failures_total of {loop}",
                runbook="loop-stalled",
            )


def _outbox(look: Look) -> Iterator[Finding]:
    if (age := look.largest("s4_outbox_oldest_seconds") or 0) > _OUTBOX_OLD:
        yield Finding(
            severity="critical",
            about=look.service,
            what=f"an event has waited {age:.0f} s to be told",
            why="the other services do not know yet what happened here",
            do="does the broker take messages (disk, memory alarm, its user's rights)? s4 queues list",
            runbook="outbox-waits",
        )


def _queue(look: Look) -> Iterator[Finding]:
    if (age := look.largest("s4_bus_queue_oldest_seconds") or 0) > _QUEUE_OLD:
        yield Finding(
            severity="warning",
            about=look.service,
            what=f"an event has waited up to {age:.0f} s to be handled",
            why="customers wait as long",
            do="s4 queues list; is its database slow, are there too few replicas?",
            runbook="events-wait",
        )


def _parked(look: Look) -> Iterator[Finding]:
    queue = f"s4.{look.service}.parked"
    if many := look.values("s4_bus_queue_messages").get(queue):
        yield parked(look.service, int(many))


def parked(service: str, many: int) -> Finding:
    """So many messages wait for a person."""
    return Finding(
        severity="warning",
        about=service,
        what=f"{many} parked message{'' if many == 1 else 's'}",
        why="each is something that happened and had no effect here",
        do=f"s4 queues parked {service}; then s4 queues replay {service} ID --note WHY",
        runbook=PARKED,
    )


def _letters(look: Look) -> Iterator[Finding]:
    if (age := look.largest("notifier_oldest_owed_seconds") or 0) > _LETTER_OLD:
        yield Finding(
            severity="critical",
            about=look.service,
            what=f"a letter has been due for {_minutes(timedelta(seconds=age))}",
            why="customers do not get the link to what they paid for",
            do="does the mail server take letters? its codes are in notifier_letters_postponed_total and the log",
            runbook="letter-waits",
        )


def _breaker(look: Look) -> Iterator[Finding]:
    for region, is_open in look.values("provisioner_breaker_open").items():
        if is_open:
            yield Finding(
                severity="warning",
                about=look.service,
                what=f"the breaker of {region} is open",
                why="so much is wrong there that lost hosts are not replaced",
                do="s4 breaker show; once the region is well: s4 breaker close REGION --note WHY",
                runbook="breaker-open",
            )


def _stripe(look: Look) -> Iterator[Finding]:
    told = look.values("billing_webhook_deliveries_total")
    taken = sum(many for outcome, many in told.items() if outcome != "refused")
    found = sum(look.values("billing_drift_found_total").values())
    if not taken and (told.get("refused") or found):
        what = (
            "every delivery was refused" if told.get("refused") else "Stripe tells nothing, and things happened there"
        )
        yield Finding(
            severity="critical",
            about=look.service,
            what=f"the webhook of Stripe is silent: {what}",
            why="payments are noticed only by reconciliation, minutes later",
            do="compare the endpoint and its secret at Stripe with S4_STRIPE_WEBHOOK_SECRETS; then s4 billing drift",
            runbook="webhook-refused",
        )


def _skew(looks: Sequence[Look], deployment: str) -> Iterator[Finding]:
    revisions, places = _told(looks, "revision"), _told(looks, "deployment")
    if len(set(revisions.values())) > 1:
        yield Finding(
            severity="warning",
            about="release",
            what="services are of different releases: " + _named(revisions),
            why="that is so for minutes while a release is rolled out, and wrong afterwards",
            do="s4 deploy status, if no release is under way: deploy again",
            runbook="version-skew",
        )
    strangers = {service: place for service, place in places.items() if deployment and place != deployment}
    if strangers or len(set(places.values())) > 1:
        yield Finding(
            severity="critical",
            about="release",
            what=f"services belong to different installations: {_named(strangers or places)}",
            why="one of them works with another's database, broker or cloud",
            do="compare S4_DEPLOYMENT and the addresses that each is told",
            runbook="version-skew",
        )


def _told(looks: Sequence[Look], label: str) -> dict[str, str]:
    return {
        look.service: sample.labels[label]
        for look in looks
        for sample in look.samples
        if sample.name == "s4_service_info" and sample.labels.get(label)
    }


def _named(found: Mapping[str, str]) -> str:
    return ", ".join(f"{service} {value}" for service, value in sorted(found.items()))


def _minutes(age: timedelta) -> str:
    minutes = int(age.total_seconds() // 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
