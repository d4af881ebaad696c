"""What grids hold and cost, as tables."""

from s4_cli.commands import Answer
from s4_cli.tables import size, table


def usage(answer: Answer) -> str:
    """The fullest grids, then plans."""
    grids = table(
        answer["grids"],
        grid="id",
        plan="plan",
        stored=lambda row: size(row["stored_bytes"]),
        of=lambda row: size(row["quota_bytes"]),
        objects="stored_objects",
        measured="measured_at",
    )
    plans = table(
        answer["plans"],
        plan="plan",
        grids="grids",
        stored=lambda row: size(row["stored_bytes"]),
        sold=lambda row: size(row["sold_bytes"]),
        unmeasured="unmeasured",
    )
    return f"{grids}\n\n{plans}"


def costs(answer: Answer) -> str:
    """The dearest grids, then plans, then all."""
    parts = ("host", "storage", "requests", "name", "total")
    grids = table(answer["grids"], grid="id", plan="plan", **{name: name for name in parts})
    plans = table(answer["plans"], plan="plan", grids="grids", total="total", each="each", partly_unknown="unknown")
    end = f"{answer['total']} {answer['currency']} a month in all, by prices of {answer['date']}; - is not known"
    missing = f"\nno price for {', '.join(answer['unknown'])}" if answer["unknown"] else ""
    return f"{grids}\n\n{plans}\n\n{end}{missing}"
