"""Rows as a table for a terminal."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

Row = Mapping[str, Any]
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def table(rows: Sequence[Row], **columns: str | Callable[[Row], object]) -> str:
    """A line for each row below the columns' names; a column is a name in the row, or computed from it."""
    if not rows:
        return "nothing"
    cells = [[name.replace("_", " ") for name in columns]]
    cells += [[cell(_value(row, column)) for column in columns.values()] for row in rows]
    widths = [max(len(line[place]) for line in cells) for place in range(len(columns))]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in cells
    )


def _value(row: Row, column: str | Callable[[Row], object]) -> object:
    return row.get(column) if isinstance(column, str) else column(row)


def cell(value: object) -> str:
    """The value in a few signs."""
    match value:
        case None | "":
            return "-"
        case bool():
            return "yes" if value else "no"
        case list():
            return ",".join(map(str, value)) or "-"
        case str() if _is_time(value):
            return value[:19].replace("T", " ")
        case _:
            return str(value)


def _is_time(text: str) -> bool:
    if len(text) < len("2026-01-01T00:00:00") or text[10] != "T":
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def size(value: object) -> str:
    """Bytes for a person."""
    if not isinstance(value, int | float):
        return "-"
    number, unit = float(value), 0
    while number >= 1024 and unit < len(_UNITS) - 1:
        number, unit = number / 1024, unit + 1
    return f"{number:.0f} {_UNITS[unit]}" if unit == 0 else f"{number:.1f} {_UNITS[unit]}"


def facts(row: Row) -> str:
    """Each value that there is on a line."""
    shown = {name: cell(value) for name, value in row.items() if value not in (None, "", [])}
    width = max(map(len, shown), default=0)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in shown.items())


def moments(history: Sequence[Row]) -> str:
    """One line for each moment: when, what, and what is known of it."""
    return "\n".join(
        f"{cell(each['at'])}  {each['what']:<12} {_words({k: v for k, v in each.items() if k not in {'at', 'what'}})}"
        for each in history
    )


def _words(row: Row) -> str:
    return " ".join(
        _words(value) if isinstance(value, dict) else f"{name}={cell(value)}"
        for name, value in row.items()
        if value not in (None, "")
    )


def done(answer: Row) -> str:
    """What was done; or what would be, and how to have it done."""
    if "would" not in answer:
        return facts(answer)
    lines = ["this would be done:", facts(answer["would"])]
    if "confirm" in answer:
        who = "ANOTHER operator has" if answer["by_another"] else "you have"
        lines.append(f"nothing is done yet: {who} it done by the same command with --confirm {answer['confirm']}")
        lines.append(f"until {cell(answer['until'])} UTC")
    return "\n".join(lines)
