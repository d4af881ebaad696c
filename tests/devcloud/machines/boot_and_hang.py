"""A driver that boots one machine, says its id, and waits to be killed."""

import signal
import sys
from pathlib import Path
from typing import cast

from s4_devcloud.image import Image, Kind
from s4_devcloud.machines import MachineSpec
from s4_devcloud.machines.drivers import open_driver

if __name__ == "__main__":
    folder, kind, state, user_data = sys.argv[1:]
    driver = open_driver(Image.read(Path(folder), cast("Kind", kind)), Path(state), None, None)
    machine = driver.boot(MachineSpec("i-00000000000000aa0", "10.20.0.11", Path(user_data).read_bytes()))
    machine.wait_ssh(60)
    machine.expose(driver.ssh_port)
    print(machine.id, flush=True)  # noqa: T201  for the test
    signal.pause()
