"""What is told about the health of hosts and grids."""

from prometheus_client import Counter, Gauge

HOST_LOOKS = Counter("provisioner_host_looks_total", "Looks at hosts, by what followed.", ["region", "verdict"])
HOSTS_UNWELL = Gauge("provisioner_hosts_unwell", "Hosts that something is wrong with.", ["region", "code"])
HOSTS_LOST = Counter("provisioner_hosts_lost_total", "Hosts that were given up.", ["pool", "code"])
BREAKER_OPEN = Gauge(
    "provisioner_breaker_open", "1 while nothing, or little, is replaced or mended in the region.", ["region"]
)
BREAKER_TRIPS = Counter("provisioner_breaker_trips_total", "Outages that opened the breaker.", ["region"])
GRID_LOOKS = Counter("provisioner_grid_looks_total", "Cheap looks at grids, by what was found.", ["found"])
GRID_PROBES = Counter("provisioner_grid_probes_total", "Real clients sent to grids, by what came of it.", ["code"])
GRID_MENDS = Counter("provisioner_grid_mends_total", "What followed from failed probes.", ["remedy", "code"])
GRIDS_FAILING = Gauge("provisioner_grids_failing", "Ready grids that cannot be reached or used.")
GRIDS_UNMENDED = Gauge("provisioner_grids_unmended", "Failing grids for which nothing is left to try.", ["code"])
LENDING_LEFT = Gauge(
    "provisioner_lending_left_seconds", "How long the shortest session is good that the node of a ready grid has."
)
LOANS = Counter("provisioner_loans_total", "Sessions lent to nodes, by what came of it.", ["code"])
