"""What is answered to a question, given what Route 53 has. Pure."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from dnslib import AAAA, CNAME, NS, QTYPE, RCODE, RR, TXT, A, DNSRecord

LONGEST_CHAIN = 8  # of names that stand for others


@dataclass(frozen=True)
class Found:
    """The records of one name; `is_ours` is false for a name that is in no zone."""

    is_ours: bool
    records: tuple[tuple[str, int, tuple[str, ...]], ...] = ()  # type, seconds to live, values


LookUp = Callable[[str], Awaitable[Found]]
DATA = {"A": A, "AAAA": AAAA, "CNAME": CNAME, "NS": NS, "TXT": lambda text: TXT(text.strip('"'))}


async def answer(question: DNSRecord, look_up: LookUp) -> DNSRecord:
    """The reply: records, none of this type, no such name, or a refusal for what is in no zone of ours."""
    reply = question.reply(ra=0, aa=1)
    if len(question.questions) != 1 or question.header.opcode != 0:
        reply.header.rcode = RCODE.NOTIMP
        return reply
    name, wanted = str(question.q.qname).lower().rstrip("."), str(QTYPE[question.q.qtype])
    asked = question.q.qname
    for _ in range(LONGEST_CHAIN):
        found = await look_up(name)
        if not found.is_ours or not found.records:
            if not reply.rr:
                reply.header.rcode = RCODE.NXDOMAIN if found.is_ours else RCODE.REFUSED
            return reply
        fitting = [record for record in found.records if record[0] == wanted or wanted == "ANY"]
        alias = [record for record in found.records if record[0] == "CNAME"]
        for kind, seconds, values in fitting or alias:
            for value in values:
                if kind in DATA:
                    reply.add_answer(RR(asked, getattr(QTYPE, kind), rdata=DATA[kind](value), ttl=seconds))
        if fitting or not alias:
            return reply
        asked = name = alias[0][2][0].lower().rstrip(".")
    reply.header.rcode = RCODE.SERVFAIL
    return reply
