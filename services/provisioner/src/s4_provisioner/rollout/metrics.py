"""What rollouts tell about themselves."""

from prometheus_client import Counter, Gauge

GRIDS = Counter("provisioner_rollout_grids_total", "Grids that rollouts moved, and that failed.", ["pool", "what"])
PAUSED = Gauge("provisioner_rollout_paused", "1 while the pool's rollout waits for a person.", ["pool"])
