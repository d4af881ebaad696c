"""kops, kubectl and aws as programs of this machine: what is run is what is shown before."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from s4_runtime import Permanent, Temporary

_LOOKING = 120.0  # seconds; questions, not deeds


class Answer(msgspec.Struct, frozen=True):
    """How a program that was asked something ended."""

    status: int
    out: str
    err: str


class Programs:
    """Programs found by name. All of them use this kubeconfig and none of the operator's own, which stays as it is."""

    def __init__(self, kubeconfig: Path, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = {**environ, "KUBECONFIG": str(kubeconfig)}
        self.shown = f"KUBECONFIG={kubeconfig}"

    def run(self, words: Sequence[str]) -> None:
        """It ended well; its output went to the terminal. Raises Permanent."""
        done = subprocess.run([_found(words[0]), *words[1:]], check=False, env=self._environ)
        if done.returncode:
            raise Permanent("program-failed", command=" ".join(words[:3]), status=done.returncode)

    def ask(self, words: Sequence[str], told: str | None = None) -> Answer:
        """What it answers, whatever its status. ``told`` is its input. Raises Permanent and Temporary."""
        try:
            done = subprocess.run(
                [_found(words[0]), *words[1:]],
                check=False,
                capture_output=True,
                env=self._environ,
                encoding="utf-8",
                errors="replace",
                input=told,
                timeout=_LOOKING,
            )
        except subprocess.TimeoutExpired:
            raise Temporary("program-hangs", command=" ".join(words[:3])) from None
        return Answer(done.returncode, done.stdout, done.stderr)


def _found(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise Permanent("program-missing", program=name, see="docs/operations/cluster.md")
    return path
