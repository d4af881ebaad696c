"""All metrics as one page: ``python tools/metrics_reference.py docs/reference/metrics.md``."""

import importlib
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType

import msgspec
from prometheus_client import REGISTRY, Counter, Gauge, Histogram

# Whoever defines a metric comes before those who use it.
PACKAGES = (
    "s4_runtime",
    "s4_store",
    "s4_bus",
    "s4_aws",
    "s4_stripe",
    "s4_web",
    "s4_billing",
    "s4_provisioner",
    "s4_notifier",
    "s4_invites",
    "s4_support",
)
# What bounds the values of each label. A label that is not here, such as a customer, may not be used.
LABELS = MappingProxyType(
    {
        "action": "calls of AWS that our code makes",
        "code": "words in our code that name a trouble",
        "deployment": "the installation's own name",
        "fact": "words in our code for what Stripe says",
        "found": "words in our code for what a look found",
        "full": "which limit was reached",
        "host": "warm, cold",
        "kind": "kinds of letters, of things that a sweep finds, of commands to Stripe",
        "limit": "which limit was reached",
        "listener": "http, operator, probes, reports",
        "loop": "loops of the services",
        "method": "seven methods of HTTP; all others are one",
        "outcome": "words in our code for how something ended",
        "part": "consumer, relay, database, mail",
        "plan": "plans that are sold",
        "pool": "pools of the fleet",
        "queue": "a service's queue and its parked queue",
        "region": "regions of the fleet",
        "remedy": "what our code does against a failed probe",
        "revision": "the release that runs",
        "route": "templates of our routes; everything else is one",
        "service": "our services; at s4_aws_*, services of AWS",
        "state": "words in our code for a state",
        "status": "classes of statuses: 2xx to 5xx, and gone for callers that left",
        "step": "steps of a life, or of a customer's way",
        "type": "events that the service knows",
        "verdict": "words in our code for what follows a look",
        "what": "words in our code for what a sweep found, what a rollout did, which table was pruned",
    }
)
HEAD = """# Metrics

Written by `make schema` from the code; a test keeps it true. Each service tells them on its probes listener (`/metrics`). What stores them adds `job` (the service) and `instance`.
No label holds anything of a customer: no id, no address, no path; each label has a bounded set of values (below).
"""  # noqa: E501  a line of the page
PROCESS = """
## Every process

`process_cpu_seconds_total`, `process_resident_memory_bytes`, `process_virtual_memory_bytes`, `process_open_fds`, `process_max_fds`, `process_start_time_seconds` and `python_*` are those of prometheus_client.
"""  # noqa: E501  a line of the page
SUFFIXES = MappingProxyType({"counter": ("",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")})


class Metric(msgspec.Struct, frozen=True):
    """One metric as it is asked for."""

    package: str
    name: str
    kind: str
    labels: tuple[str, ...]
    help: str

    def series(self) -> Iterator[str]:
        """The names under which it is exposed."""
        for suffix in SUFFIXES[self.kind]:
            yield f"{self.name}{suffix}"


def modules(package: str) -> Iterator[str]:
    """All modules of the package but those that run something."""
    found = importlib.import_module(package)
    yield package
    for module in pkgutil.walk_packages(found.__path__, f"{package}."):
        if not module.name.endswith("__main__"):
            yield module.name


def metrics() -> list[Metric]:
    """All metrics of all services, each with the package that defines it."""
    seen: dict[str, Metric] = {}
    for package in PACKAGES:
        for name in modules(package):
            for value in vars(importlib.import_module(name)).values():
                if isinstance(value, Counter | Gauge | Histogram):
                    metric = described(package, value)
                    seen.setdefault(metric.name, metric)
    return sorted(seen.values(), key=lambda metric: (PACKAGES.index(metric.package), metric.name))


def described(package: str, metric: Counter | Gauge | Histogram) -> Metric:
    """What a metric says of itself."""
    [told] = metric.describe()
    name = f"{told.name}_total" if told.type == "counter" else told.name
    labels = tuple(metric._labelnames)  # noqa: SLF001  prometheus_client tells them nowhere else
    return Metric(package, name, told.type, labels, told.documentation)


def series() -> set[str]:
    """The names of all series that a service may expose, those of the process included."""
    own = {name for metric in metrics() for name in metric.series()}
    return own | {
        sample.name
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if sample.name.startswith(("process_", "python_"))
    }


def page() -> str:
    """The page as Markdown."""
    found = metrics()
    parts = [HEAD]
    for package in dict.fromkeys(metric.package for metric in found):
        parts.append(f"\n## {package}\n\n| metric | kind | labels | tells |\n|---|---|---|---|\n")
        parts += [
            f"| `{metric.name}` | {metric.kind} | {', '.join(metric.labels)} | {metric.help} |\n"
            for metric in found
            if metric.package == package
        ]
    parts += [PROCESS, "\n## Labels\n\n| label | has for values |\n|---|---|\n"]
    used = {label for metric in found for label in metric.labels}
    parts += [f"| `{label}` | {meaning} |\n" for label, meaning in LABELS.items() if label in used]
    return "".join(parts)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
