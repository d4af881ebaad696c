"""The S3 server of this run: the double of the node's tests, and what was asked of it."""

import json
from collections import Counter
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from bench.node.processes import Processes

ROOT = Path(__file__).resolve().parents[2]
NODE_PYTHON = ROOT / ".s4/node/bin/python"
BUCKET = "bench"
READS = {"GetObject", "HeadObject"}  # priced as GET; the others as PUT, but for deleting and aborting, which are free
FREE = {"DeleteObject", "DeleteObjects", "AbortMultipartUpload"}


class S3:
    """One server on the loopback, plain HTTP, files in a temporary folder."""

    def __init__(self, ours: Processes) -> None:
        folder = ours.folder / "s3"
        command: list[str | Path] = [
            NODE_PYTHON,
            ROOT / "libs/node/tests/doubles/s3",
            "--while-stdin-open",
            "--opaque-etags",
        ]
        self.process = ours.start("s3", [*command, "--folder", folder, "--bucket", BUCKET], is_answering=True)
        ready = ours.answer(self.process)
        self.endpoint, self.region, self._control = ready["endpoint"], ready["region"], ready["control"]
        self.credentials = ours.folder / "credentials"
        self.credentials.touch(mode=0o600)
        self.credentials.write_text(
            f"[default]\naws_access_key_id = {ready['access_key']}\naws_secret_access_key = {ready['secret_key']}\n"
        )
        self.keys = {"AWS_ACCESS_KEY_ID": ready["access_key"], "AWS_SECRET_ACCESS_KEY": ready["secret_key"]}

    def latency(self, milliseconds: float) -> None:
        """Each request waits so long before it is begun."""
        self._ask("POST", "/manners", latency_ms={"*": milliseconds})

    def forget_counts(self) -> None:
        self._ask("DELETE", "/counters")

    def counts(self) -> Counter[str]:
        """Requests by S3's names of the operations."""
        answer = self._ask("GET", "/counters")
        return Counter({name: one["requests"] for name, one in answer.items() if name != "*" and one["requests"]})

    def section(self, prefix: str) -> str:
        """Of a node's tahoe.cfg."""
        lines = {
            "bucket": BUCKET,
            "prefix": prefix,
            "endpoint": self.endpoint,
            "region": self.region,
            "credentials": f"file:{self.credentials}",
        }
        return "\n[storageserver.plugins.s4-s3-v1]\n" + "".join(f"{name} = {text}\n" for name, text in lines.items())

    def _ask(self, method: str, path: str, **fields: object) -> dict[str, dict[str, float]]:
        connection = HTTPConnection(urlsplit(self._control).netloc, timeout=30)
        try:
            connection.request(method, path, json.dumps(fields) if method == "POST" else None)
            answer: dict[str, dict[str, float]] = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        return answer
