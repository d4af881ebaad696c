"""What the converger tells about its work."""

from prometheus_client import Counter, Gauge, Histogram

STEP_SECONDS = Histogram(
    "provisioner_step_seconds",
    "From a step's first start to its end.",
    ["step"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 40, 80, 160, 320),
)
# Fine where machines stand ready (seconds), coarse where one boots (minutes).
PAID_TO_FURL = Histogram(
    "provisioner_paid_to_furl_seconds",
    "From a payment to the furl, by whether the grid's host stood ready when it was paid (warm) or not (cold).",
    ["host"],
    buckets=(1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 300, 420, 600, 900, 1800, 3600),
)
STEP_TROUBLE = Counter("provisioner_step_trouble_total", "Attempts at a step that did not succeed.", ["step", "code"])
GRIDS_FAILED = Counter("provisioner_grids_failed_total", "Grids that came to wait for a person.", ["step", "code"])
IN_HAND = Gauge("provisioner_grids_in_hand", "Grids that this process is working on.")
OLDEST_UNFINISHED = Gauge(
    "provisioner_oldest_unfinished_seconds", "How long the oldest paid grid has waited to be ready; 0 when none does."
)
OLDEST_LEAVING = Gauge(
    "provisioner_oldest_leaving_seconds",
    "How long the slowest step that stops or removes a grid takes; 0 without one.",
)
HOST_STEP_SECONDS = Histogram(
    "provisioner_host_step_seconds",
    "From a host's step's first start to its end.",
    ["pool", "step"],
    buckets=(0.1, 0.5, 1, 2, 5, 10, 20, 40, 80, 160, 320, 640),
)
EMPTY_HOSTS = Gauge("provisioner_empty_hosts", "Hosts that stand empty, or will soon.", ["pool", "state"])
FAILING_HOSTS = Gauge(
    "provisioner_failing_hosts", "Hosts in a row that could not be had; 0 after one that could.", ["pool"]
)
ROOM = Gauge("provisioner_room", "How many more grids the pool can take; not a number where nobody knows.", ["pool"])
HOST_TROUBLE = Counter(
    "provisioner_host_trouble_total", "Attempts at a host's step that did not succeed.", ["pool", "step", "code"]
)
