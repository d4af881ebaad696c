"""Where the time went between the payment and the furl."""

from collections.abc import Mapping

# Step -> whose time it is. What is not named is our own.
_WHOSE: Mapping[str, str] = {
    "boot": "the machine's own boot",
    "node": "starting the node",
    "proof": "the proof from outside",
}
_OURS = "our own overhead"


def shares(seconds: Mapping[str, float], total: float) -> dict[str, float]:
    """Seconds by whose they are; what no step accounts for is our own."""
    found = {who: seconds.get(step, 0.0) for step, who in _WHOSE.items()}
    return {**found, _OURS: max(0.0, total - sum(found.values()))}


def drawn(seconds: Mapping[str, float], total: float) -> list[str]:
    """The shares as lines with bars."""
    width, longest = 40, max(total, 0.001)
    lines = [f"  paid to ready in {total:.1f} s:"]
    for who, share in shares(seconds, total).items():
        bar = "█" * max(1, round(width * share / longest)) if share else ""
        lines.append(f"    {who:<24}{share:6.1f} s  {share / longest:4.0%}  {bar}")
    return lines
