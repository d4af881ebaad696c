"""The provisioner as a process of its own, told everything by its environment; to be killed."""

import asyncio
import base64
import contextlib
import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import aiohttp

from support.grid_cloud import KEYS, REGION, ZONE, Cloud
from support.operator_cli import TOKENS
from support.provisioner import CONTENTED_PROBE, TOKEN, an_ssh_key
from support.waiting import until


class ProvisionerProcess:
    """One deployment; `start` and `kill` as often as a test likes."""

    def __init__(
        self, folder: Path, cloud: Cloud, database: str, amqp_url: str, *, ports: tuple[int, int, int]
    ) -> None:
        self.deployment = f"t{uuid.uuid4().hex[:10]}"
        port, probes_port, operator_port = ports
        self.probes = f"http://127.0.0.1:{probes_port}"
        self.operators = f"http://127.0.0.1:{operator_port}"
        self.log = folder / "provisioner.log"
        self._process: subprocess.Popen[bytes] | None = None
        probe = folder / "probe"
        probe.write_text(f"#!{sys.executable}\n{CONTENTED_PROBE[-1]}\n")
        probe.chmod(0o755)
        secrets = {
            "DATABASE_URL": database,
            "AMQP_URL": amqp_url,
            "SERVICE_TOKEN": TOKEN,
            "SEAL_KEY": base64.b64encode(b"k" * 32).decode(),
            "SSH_KEY": an_ssh_key(),
            "OPERATOR_TOKENS": "\n".join(f"{name}:{token}" for name, token in TOKENS.items()),
        }
        for name, text in secrets.items():
            (folder / name).write_text(text)
        self.environment = {
            "PATH": os.environ["PATH"],
            **KEYS,
            **{f"S4_{name}_FILE": str(folder / name) for name in secrets},
            "S4_DEPLOYMENT": self.deployment,
            "S4_LISTEN": f"127.0.0.1:{port}",
            "S4_OPERATOR_LISTEN": f"127.0.0.1:{operator_port}",
            "S4_PROBES_LISTEN": f"127.0.0.1:{probes_port}",
            "S4_HOST_USER": cloud.ssh_user,
            "S4_SSH_PORT": str(cloud.ssh_port),
            "S4_AWS_ENDPOINT_URL": cloud.endpoint,
            "S4_AWS_REGION": REGION,
            "S4_INSTANCE_TYPE": "t3.small",
            "S4_GRID_DOMAIN": ZONE,
            "S4_HOSTED_ZONE": ZONE,
            "S4_FURL_ADDRESS_HINT": "true",
            "S4_PROBE_COMMAND": str(probe),
            "S4_LEASE": "PT2S",
            "S4_RETRY_BASE": "PT0.1S",
            "S4_KEPT_AT_LEAST": "PT0S",
        }

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """One command of the service, to its end."""
        return subprocess.run(
            [sys.executable, "-m", "s4_provisioner", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    async def start(self) -> None:
        """The service answers that it is ready."""
        self._spawn()
        await until(self._is_ready, within=30, what="the provisioner is ready")

    def _spawn(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "s4_provisioner", "serve"], env=self.environment, stdout=log, stderr=log
            )

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """The process is gone; its exit status."""
        if self._process is None:
            return 0
        self._process.send_signal(number)
        return self._process.wait(timeout=30)

    async def _is_ready(self) -> bool:
        assert self._process
        assert self._process.poll() is None, self.log.read_text()[-3000:]
        with contextlib.suppress(aiohttp.ClientConnectionError):
            async with aiohttp.ClientSession() as session, session.get(f"{self.probes}/readyz") as answer:
                return answer.status == 200
        return False

    async def metrics(self) -> str:
        """What Prometheus would read."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.probes}/metrics") as answer:
            return await answer.text()


async def pause(seconds: float) -> None:
    """Let the process come some way: the moment of the kill is what the test varies."""
    await asyncio.sleep(seconds)
