"""One pod on its node: its containers as processes at an address of its own, started again when they end."""

import asyncio
import os
import re
import shutil
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from s4_devcloud.kubernetes import probes
from s4_devcloud.kubernetes.store import Object, now
from s4_devcloud.kubernetes.volumes import VolumeMissing, Volumes

MARK = "S4_POD"
_FIRST_BACK_OFF, _LAST_BACK_OFF = 0.5, 10.0  # a kubelet takes twenty times as long
_LOOK_AGAIN = 0.1
_REFERENCE = re.compile(r"\$\(([A-Za-z_][A-Za-z0-9_]*)\)")
Tell = Callable[..., None]


class PodLife:
    """A pod from its volumes to its end. `tell` puts what is seen into the pod's status."""

    def __init__(
        self, pod: Object, folder: Path, address: str, programs: Path, *, volumes: Volumes, tell: Tell
    ) -> None:
        self.pod, self.folder, self.address, self._programs = pod, folder, address, programs
        self.volumes, self._tell = volumes, tell
        self.is_over = self.is_mounted = False
        self._started_at = now()
        self._states: dict[str, Object] = {}
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._ending = asyncio.Event()

    async def run(self) -> None:
        """The pod lives until it is ended."""
        try:
            await self._mount()
            async with asyncio.TaskGroup() as tasks:
                for container in self.pod["spec"]["containers"] if not self._ending.is_set() else []:
                    tasks.create_task(self._serve(container))
        finally:
            self.kill()
            self.is_mounted = False
            shutil.rmtree(self.folder, ignore_errors=True)
            self.is_over = True

    async def end(self, grace_seconds: float) -> None:
        """The containers were asked to end, and after a while made to."""
        self._ending.set()
        for process in self._processes.values():
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.terminate()
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_seconds):
                for process in self._processes.values():
                    await process.wait()
        self.kill()

    def kill(self) -> None:
        """No process of the pod lives on."""
        self._ending.set()
        for process in self._processes.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    async def _mount(self) -> None:
        while not self._ending.is_set():
            try:
                self.volumes.lay_out()
            except VolumeMissing:
                self._say()
                await self._pause(_LOOK_AGAIN)
            else:
                self.is_mounted = True
                return

    async def _serve(self, container: Object) -> None:
        back_off = _FIRST_BACK_OFF
        state = self._states[container["name"]] = {"restartCount": 0, "ready": False, "started": False, "state": {}}
        if container["image"].partition("@")[0].rpartition("/")[2].partition(":")[0] != "s4-node":
            state["state"] = {
                "waiting": {"reason": "ImagePullBackOff", "message": f"no image {container['image']} here"}
            }
            self._say()
            await self._ending.wait()
            return
        while not self._ending.is_set():
            code = await self._run_once(container, state)
            ended = {"exitCode": code, "reason": "Completed" if code == 0 else "Error", "finishedAt": now()}
            state.update(ready=False, started=False, lastState={"terminated": ended})
            state["state"] = {"waiting": {"reason": "CrashLoopBackOff"}}
            self._say()
            await self._pause(back_off)
            state["restartCount"] += 1
            back_off = min(2 * back_off, _LAST_BACK_OFF)

    async def _run_once(self, container: Object, state: dict[str, Any]) -> int:
        process = await self._start(container)
        self._processes[container["name"]] = process
        state["state"] = {"running": {"startedAt": now()}}
        self._say()
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(self._watch(container, state, process))
            code = await process.wait()
            watching.cancel()
        return code

    async def _start(self, container: Object) -> asyncio.subprocess.Process:
        known = self._environment(container)
        words = [*(container.get("command") or ["s4-node"]), *container.get("args", [])]
        argv = [
            self.volumes.mounted(container, _REFERENCE.sub(lambda found: known.get(found[1], found[0]), word))
            for word in words
        ]
        argv[0] = shutil.which(argv[0], path=known["PATH"]) or argv[0]
        with (self.folder / "log").open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=known,
                start_new_session=True,
            )

    def _environment(self, container: Object) -> dict[str, str]:
        meta = self.pod["metadata"]
        seen = {"status.podIP": self.address, "metadata.name": meta["name"], "metadata.namespace": meta["namespace"]}
        known = {"PATH": f"{self._programs}:/usr/bin:/bin", "HOME": "/", "LANG": "C.UTF-8", MARK: str(self.folder)}
        for each in container.get("env", []):
            field = each.get("valueFrom", {}).get("fieldRef", {}).get("fieldPath")
            value = seen.get(field, "") if field else each.get("value", "")
            known[each["name"]] = self.volumes.mounted(
                container, _REFERENCE.sub(lambda found: known.get(found[1], found[0]), value)
            )
        return known

    async def _watch(self, container: Object, state: dict[str, Any], process: asyncio.subprocess.Process) -> None:
        startup = container.get("startupProbe")
        if startup and not await probes.until_started(startup, self.address, container):
            process.terminate()
            return
        state.update(started=True, ready="readinessProbe" not in container)
        self._say()

        async with asyncio.TaskGroup() as tasks:
            if "readinessProbe" in container:
                tasks.create_task(self._watch_readiness(container, state))
            if "livenessProbe" in container:
                tasks.create_task(self._watch_liveness(container, process))

    async def _watch_readiness(self, container: Object, state: dict[str, Any]) -> None:
        async for outcome in probes.verdicts(container["readinessProbe"], self.address, container):
            state["ready"] = outcome
            self._say()

    async def _watch_liveness(self, container: Object, process: asyncio.subprocess.Process) -> None:
        async for outcome in probes.verdicts(container["livenessProbe"], self.address, container):
            if not outcome and process.returncode is None:
                process.terminate()

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ending.wait()

    def _say(self) -> None:
        containers = self.pod["spec"]["containers"]
        statuses = [
            {
                "name": each["name"],
                "image": each["image"],
                "imageID": each["image"],
                **self._states.get(each["name"], _WAITING),
            }
            for each in containers
        ]
        is_ready = all(status["ready"] for status in statuses)
        phase = (
            "Running"
            if any("running" in status["state"] or status["restartCount"] for status in statuses)
            else "Pending"
        )
        self._tell(
            phase=phase,
            podIP=self.address,
            podIPs=[{"ip": self.address}],
            startTime=self._started_at,
            containerStatuses=statuses,
            conditions=[
                {"type": "PodScheduled", "status": "True"},
                {"type": "Initialized", "status": "True"},
                {"type": "ContainersReady", "status": str(is_ready)},
                {"type": "Ready", "status": str(is_ready)},
            ],
        )


_WAITING = {"restartCount": 0, "ready": False, "started": False, "state": {"waiting": {"reason": "ContainerCreating"}}}
