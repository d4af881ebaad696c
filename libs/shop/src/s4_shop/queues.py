"""The services' queues and rights, as this version has them, and on disk before any service runs.

RabbitMQ 3.10 writes the names of new quorum queues to disk only after minutes. Killed before that, it starts again with
a queue that has lost its log and never gets a leader: nobody can consume from it. A cluster of three does not lose all
copies at once; this machine's single node would.
"""

import json
import subprocess
import time

from s4_bus.management import ManagementUnavailable, apply
from s4_shop.folder import StateFolder

CONTROL = "/usr/lib/rabbitmq/bin/rabbitmqctl"
_TO_DISK = "[ok = dets:sync(Table) || Table <- dets:all()]."
_PATIENCE = 60.0  # seconds; the management API may come up after the broker itself


def run_queues(folder: StateFolder) -> None:
    """All queues exist, and a broker that is killed now still has them. Called with the broker's own environment.

    The broker loads the same definitions when it starts. It may run since an earlier version of them.
    """
    url = (folder.root / "secrets" / "management-url-operator").read_text(encoding="utf-8")
    definitions = json.loads((folder.data / "rabbitmq" / "definitions.json").read_text(encoding="utf-8"))
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            apply(url, definitions)
            break
        except ManagementUnavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
    subprocess.run([CONTROL, "-n", "s4@localhost", "--quiet", "eval", _TO_DISK], check=True)
