"""What stands in a hosted zone; names that many ask for at the same moment are read together."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from s4_aws.changes import ZoneReplaced
from s4_aws.gathering import Line, Wish
from s4_aws.trouble import OutOfTime, aws_errors
from s4_runtime import Clock, Permanent, Temporary

Record = dict[str, Any]
_PAGE = 300  # ListResourceRecordSets, MaxItems
_FEW = 10  # records of one name
_ONE_BY_ONE = 4


class _Question(Wish[list[Record]]):
    """The records of some names."""

    names: frozenset[str]


class Records:
    """The records of one zone, as Route 53 keeps them."""

    def __init__(self, route53: Any, clock: Clock | None = None) -> None:
        self._route53 = route53
        self._line: Line[_Question] = Line(clock)

    async def of(self, zone: str, names: set[str], size: int) -> list[Record]:
        """All records of these names; ``size`` is about how many the zone has. Raises ZoneReplaced."""
        question = _Question(names=frozenset(names))
        await self._line.stand(question, partial(self._ask, zone, size))
        return question.answer or []

    async def below(self, zone: str, domain: str) -> AsyncIterator[Record]:
        """All records of names below this one. Raises ZoneReplaced."""
        request: dict[str, Any] | None = {"StartRecordName": domain}
        while request:
            answer = await self._listed(zone, MaxItems=str(_PAGE), **request)
            for found in answer["ResourceRecordSets"]:
                if not _place(found["Name"]).startswith(_place(domain)):
                    return
                if plain(found["Name"]) != plain(domain):
                    yield found
            request = _following(answer)

    async def _ask(self, zone: str, size: int, line: list[_Question]) -> None:
        """All in line are answered, or told what went wrong."""
        wanted = frozenset[str]().union(*(question.names for question in line))
        try:
            found = await self._read(zone, wanted, size)
        except OutOfTime:
            raise
        except (Temporary, Permanent) as trouble:
            for question in line:
                question.trouble = trouble
            return
        for question in line:
            question.answer = [record for record in found if plain(record["Name"]) in question.names]

    async def _read(self, zone: str, names: frozenset[str], size: int) -> list[Record]:
        """Each name by itself if that takes fewer requests, or else all from the first to the last."""
        if len(names) <= max(_ONE_BY_ONE, size // _PAGE):
            spans = [(name, name) for name in sorted(names)]
        else:
            spans = [(min(names, key=_place), max(names, key=_place))]
        return [
            found
            for first, last in spans
            async for found in self._between(zone, first, last)
            if plain(found["Name"]) in names
        ]

    async def _between(self, zone: str, first: str, last: str) -> AsyncIterator[Record]:
        size = _FEW if first == last else _PAGE
        request: dict[str, Any] | None = {"StartRecordName": first}
        while request:
            answer = await self._listed(zone, MaxItems=str(size), **request)
            for found in answer["ResourceRecordSets"]:
                if _place(found["Name"]) > _place(last):
                    return
                yield found
            request = _following(answer)

    async def _listed(self, zone: str, **request: str) -> dict[str, Any]:
        with aws_errors("NoSuchHostedZone"):
            answer: dict[str, Any] = await self._route53.list_resource_record_sets(HostedZoneId=zone, **request)
            return answer
        raise ZoneReplaced("hosted-zone-replaced")


def _following(answer: dict[str, Any]) -> dict[str, Any] | None:
    """Where the next page begins; None after the last one."""
    kept = ("NextRecordName", "NextRecordType", "NextRecordIdentifier")
    more = {f"Start{name[4:]}": answer[name] for name in kept if name in answer}
    return more if answer.get("IsTruncated") else None


def plain(name: str) -> str:
    """As Route 53 writes it, without the dot at its end."""
    return name.rstrip(".").lower()


def _place(name: str) -> str:
    """Where a name stands: Route 53 sorts by labels, the last one first, with a dot behind each."""
    return "".join(f"{label}." for label in reversed(plain(name).split(".")))
