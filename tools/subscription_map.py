"""Draw a subscription's states and the ways between them, as the source has them: subscription_map.py OUT.svg."""

import sys
from pathlib import Path

from s4_billing.derive import EXPECTED, State

# Where each state stands, what it is called for a reader, and what a customer has in it.
_PLACES = {
    State.PENDING: (110, 200, "pending", "paid, not confirmed"),
    State.ACTIVE: (400, 200, "active", "served"),
    State.PAST_DUE: (720, 110, "past due", "served: grace"),
    State.SUSPENDED: (720, 290, "suspended", "kept, not served"),
    State.ENDED: (1040, 200, "ended", "kept until deleted"),
}
# The line of each way, the words for it, where they stand, and which of their ends stands there.
_WAYS = {
    (State.PENDING, State.ACTIVE): ("M194 200H316", "money came", 255, 192, "middle"),
    (State.PENDING, State.ENDED): ("M110 228V366H1040V228", "given up", 575, 360, "middle"),
    (State.ACTIVE, State.PAST_DUE): ("M484 184L636 104", "a bill failed", 550, 132, "end"),
    (State.PAST_DUE, State.ACTIVE): ("M636 124L484 204", "it was paid", 575, 176, "start"),
    (State.ACTIVE, State.SUSPENDED): ("M484 196L636 276", "fraud dispute", 572, 232, "start"),
    (State.SUSPENDED, State.ACTIVE): ("M636 296L484 216", "paid; dispute over", 548, 280, "end"),
    (State.ACTIVE, State.ENDED): ("M400 172V40H1040V172", "cancelled, and the paid period is over", 720, 34, "middle"),
    (State.PAST_DUE, State.SUSPENDED): ("M740 138V262", "grace is over", 748, 206, "start"),
    (State.SUSPENDED, State.PAST_DUE): ("M700 262V138", "", 0, 0, "end"),
    (State.PAST_DUE, State.ENDED): ("M804 110L956 190", "cancelled, unpaid", 884, 132, "start"),
    (State.SUSPENDED, State.ENDED): ("M804 290L956 210", "cancelled, unpaid", 884, 282, "start"),
}
_WIDE, _HIGH = 168, 56
_STYLE = (
    "text{font:14px system-ui,sans-serif;fill:#1c2b33}.n{font-weight:600;font-size:16px}"
    ".w{font-size:12.5px;fill:#44565f}.s{fill:#fff;stroke:#0b5c6b;stroke-width:2}.k{fill:#e3f0ea}"
    ".a{stroke:#0b5c6b;stroke-width:1.6;fill:none}.d{fill:#0b5c6b}.bg{fill:#f6f9fa}"
)


def drawing() -> str:
    """The picture as SVG text: one box for each state, one arrow for each expected way. KeyError for a new way."""
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1150 384" role="img" aria-labelledby="t">',
        '<title id="t">The states of a subscription, and what leads from one to another</title>',
        f"<style>{_STYLE}</style>",
        (
            '<defs><marker id="m" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
            '<path class="d" d="M0 0 8 4 0 8Z"/></marker></defs>'
        ),
        '<rect class="bg" width="1150" height="384" rx="12"/>',
    ]
    parts += [_arrow(one, other) for one, others in EXPECTED.items() for other in sorted(others)]
    parts += [line for state in State for line in _box(state)]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _box(state: State) -> list[str]:
    x, y, name, has = _PLACES[state]
    served = " k" if has.startswith("served") else ""
    return [
        f'<rect class="s{served}" x="{x - _WIDE // 2}" y="{y - _HIGH // 2}" width="{_WIDE}" height="{_HIGH}" rx="10"/>',
        f'<text class="n" x="{x}" y="{y - 3}" text-anchor="middle">{name}</text>',
        f'<text class="w" x="{x}" y="{y + 16}" text-anchor="middle">{has}</text>',
    ]


def _arrow(one: State, other: State) -> str:
    line, words, x, y, anchor = _WAYS[one, other]
    label = f'<text class="w" x="{x}" y="{y}" text-anchor="{anchor}">{words}</text>' if words else ""
    title = f"<title>{one.value} to {other.value}</title>"
    return f'<g>{title}<path class="a" d="{line}" marker-end="url(#m)"/>{label}</g>'


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(drawing(), encoding="utf-8")
