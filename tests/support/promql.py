"""Which metrics an expression of Prometheus asks for."""

import re

_OPERATORS = {"and", "or", "unless", "by", "without", "on", "ignoring", "group_left", "group_right", "offset"}
_SUMS = {"sum", "min", "max", "avg", "count", "topk", "absent", "vector", "time", "abs", "sort_desc"}
_SPANS = {"rate", "increase", "changes", "min_over_time", "histogram_quantile"}
_WORDS = _OPERATORS | _SUMS | _SPANS
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
_NAME = re.compile(r"(?<![\w.:])[a-zA-Z_:][a-zA-Z0-9_:]*")


def metrics_in(expr: str) -> set[str]:
    """Every name that is neither a word of the language nor a label."""
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", " ", re.sub(r'"[^"]*"', '""', expr))
    return set(_NAME.findall(_GROUPING.sub(" ", bare))) - _WORDS
