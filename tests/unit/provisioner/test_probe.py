"""The probe's process, with programs that stand for the real client; the real one is proved in tests/service."""

import asyncio
import json
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from s4_provisioner.probe import Probe, ProbeMissing, Unproved
from s4_runtime import Secret
from support.waiting import until

FURL = Secret("pb://tub@tcp:host:1/swissnum")
LIMIT = timedelta(seconds=20)


def a_probe(program: str, limit: timedelta = LIMIT, at_once: int = 9) -> Probe:
    return Probe([sys.executable, "-c", program], limit, at_once)


async def test_a_proof_says_how_long_it_took() -> None:
    proof = await a_probe('print(\'{"ok": true, "total_seconds": 1.5, "put_seconds": 1}\')').prove(FURL)

    assert proof.seconds == 1.5


async def test_the_furl_goes_in_by_standard_input_and_nowhere_else(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    program = (
        "import json, os, sys; told = json.load(sys.stdin); "
        f"open({str(seen)!r}, 'w').write(json.dumps([told, sys.argv, dict(os.environ)])); "
        'print(\'{"ok": true, "total_seconds": 1}\')'
    )
    await a_probe(program).prove(FURL)

    told, argv, environment = json.loads(seen.read_text())
    assert told == {"furl": FURL.reveal(), "shares": 1}
    assert "swissnum" not in json.dumps([argv, environment])


async def test_nothing_of_our_environment_but_the_harmless_reaches_the_probe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden")
    monkeypatch.setenv("S4_SEAL_KEY", "hidden")
    seen = tmp_path / "seen"
    program = f"import os; open({str(seen)!r}, 'w').write(repr(dict(os.environ))); print('{{\"ok\": true}}')"
    await a_probe(program).prove(FURL)

    assert "hidden" not in seen.read_text()


@pytest.mark.parametrize("code", ["introducer-unreachable", "no-storage-server", "put-failed", "mismatch"])
async def test_a_client_that_failed_says_how_far_it_came(code: str) -> None:
    program = f'import sys; print(\'{{"ok": false, "code": "{code}"}}\'); sys.exit(1)'

    with pytest.raises(Unproved) as failed:
        await a_probe(program).prove(FURL)
    assert failed.value.code == f"probe-{code}"


@pytest.mark.parametrize("answer", ['{"ok": false, "code": "pb://x/y"}', '{"ok": false}'])
async def test_an_answer_with_a_code_of_its_own_does_not_pass_it_on(answer: str) -> None:
    with pytest.raises(Unproved) as failed:
        await a_probe(f"print({answer!r})").prove(FURL)
    assert str(failed.value) == "probe-failed"


@pytest.mark.parametrize("program", ["", "print('not JSON')", "print('[]')", "raise SystemExit(1)", "import nothing"])
async def test_an_answer_that_cannot_be_read_proves_nothing(program: str) -> None:
    with pytest.raises(Unproved, match="probe-unreadable"):
        await a_probe(program).prove(FURL)


async def test_a_program_that_is_not_there_is_for_a_person() -> None:
    with pytest.raises(ProbeMissing):
        await Probe(["/nowhere/s4-node", "probe"], LIMIT, 1).prove(FURL)


LINGERING = (
    "import os, subprocess, sys, time; child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])"
    "; open({path!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}'); time.sleep(60)"
)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except FileNotFoundError:
        return False


async def test_a_client_that_takes_too_long_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    path = tmp_path / "pids"
    with pytest.raises(Unproved, match="probe-timeout"):
        await a_probe(LINGERING.format(path=str(path)), timedelta(seconds=2)).prove(FURL)

    pids = [int(pid) for pid in path.read_text().split()]
    assert len(pids) == 2
    await until(lambda: not any(map(is_running, pids)), within=5, what="both processes end")


async def test_a_probe_that_is_given_up_is_ended_too(tmp_path: Path) -> None:
    path = tmp_path / "pids"
    proving = asyncio.create_task(a_probe(LINGERING.format(path=str(path))).prove(FURL))
    await until(lambda: path.exists() and len(path.read_text().split()) == 2, within=10, what="the probe runs")
    proving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await proving

    pids = [int(pid) for pid in path.read_text().split()]
    await until(lambda: not any(map(is_running, pids)), within=5, what="both processes end")


async def test_only_so_many_clients_run_at_once(tmp_path: Path) -> None:
    program = (
        f"import os, time; mine = os.path.join({str(tmp_path)!r}, str(os.getpid())); open(mine, 'w').close(); "
        f"others = len(os.listdir({str(tmp_path)!r})); time.sleep(0.2); os.unlink(mine); "
        'print(\'{"ok": true, "total_seconds": %d}\' % others)'
    )
    probe = a_probe(program, at_once=2)

    proofs = await asyncio.gather(*(probe.prove(FURL) for _ in range(6)))

    assert max(proof.seconds for proof in proofs) <= 2
