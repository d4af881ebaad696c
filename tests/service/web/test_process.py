"""The service as a process: what stops its start, and what a kill does to people who watch."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from support.waiting import until
from support.web_peers import PretendBilling, a_browser
from support.web_site import public_pem


def environment(database: str, amqp_url: str, state_dir: Path, port: int, probes: int) -> dict[str, str]:
    key = state_dir / "claim.pem"
    key.write_text(public_pem(Ed25519PrivateKey.generate()))
    return {
        "PATH": os.environ["PATH"],
        "S4_DATABASE_URL": database,
        "S4_AMQP_URL": amqp_url,
        "S4_DEPLOYMENT": "test",
        "S4_LISTEN": f"127.0.0.1:{port}",
        "S4_PROBES_LISTEN": f"127.0.0.1:{probes}",
        "S4_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "S4_BILLING_URL": "http://127.0.0.1:1",
        "S4_BILLING_TOKEN": "billing-token-of-the-tests",
        "S4_PROVISIONER_URL": "http://127.0.0.1:1",
        "S4_PROVISIONER_TOKEN": "a-token",
        "S4_INVITES_URL": "http://127.0.0.1:1",
        "S4_INVITES_TOKEN": "a-token",
        "S4_COOKIE_KEY": "a-cookie-key",
        "S4_CLAIM_PUBLIC_KEY_FILE": str(key),
        "S4_STRIPE_PUBLISHABLE_KEY": "pk_test_published",
        "S4_MAIL_FROM": "letters@s4.example.com",
    }


async def ended(command: str, env: dict[str, str]) -> tuple[int, str]:
    """The exit status and the last words of a command that ends by itself."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "s4_web", command, env=env, stdout=pipe, stderr=pipe
    )
    async with asyncio.timeout(60):
        _, err = await process.communicate()
    return process.returncode or 0, err.decode()


@asynccontextmanager
async def serving(env: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "s4_web", "serve", env=env, stdout=quiet)
    try:
        async with aiohttp.ClientSession() as session:

            async def is_up() -> bool:
                async with session.get(env["S4_PUBLIC_URL"] + "/") as answer:
                    return answer.status == 200

            await until(is_up, within=30, what="the site answers")
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(30):
            await process.wait()


async def test_all_that_is_wrong_with_the_settings_is_said_at_once(state_dir: Path) -> None:
    env = environment("postgresql://nowhere.invalid/x", "amqp://nowhere.invalid", state_dir, 1, 2)
    del env["S4_COOKIE_KEY"], env["S4_MAIL_FROM"]
    status, said = await ended("serve", {**env, "S4_HEARTBEAT": "often", "S4_HEARTBEET": "PT1S"})
    assert status == 78
    for words in ("S4_COOKIE_KEY is not set", "S4_MAIL_FROM is not set", "S4_HEARTBEAT is not", "S4_HEARTBEET is not"):
        assert words in said
    assert "often" not in said


async def test_a_database_without_our_tables_is_said_with_the_command_to_run(
    database: str, amqp_url: str, state_dir: Path, free_port: Callable[[], int]
) -> None:
    status, said = await ended("serve", environment(database, amqp_url, state_dir, free_port(), free_port()))
    assert status == 78
    assert "database-not-migrated" in said
    assert "python -m s4_web migrate" in said


async def test_no_command_or_an_unknown_one_is_said(state_dir: Path) -> None:
    status, said = await ended("dance", {"PATH": os.environ["PATH"]})
    assert status == os.EX_USAGE
    assert "serve | migrate" in said


async def test_a_killed_site_comes_back_with_every_signup_and_every_stream(
    database: str, amqp_url: str, state_dir: Path, free_port: Callable[[], int]
) -> None:
    billing = PretendBilling()
    async with billing.serving():
        env = environment(database, amqp_url, state_dir, free_port(), free_port())
        env["S4_BILLING_URL"] = billing.url
        assert (await ended("migrate", env))[0] == 0
        async with a_browser(env["S4_PUBLIC_URL"]) as browser:
            async with serving(env) as process:
                assert (await browser.sign_up()).status == 303
                async with browser.session.get(browser.origin + "/status/events") as stream:
                    assert (await stream.content.readline()).startswith(b"retry:")
                    process.send_signal(signal.SIGKILL)
                    await process.wait()
            async with serving(env) as process:
                page = await browser.get("/status")
                assert page.state == "waiting-for-payment"
                process.terminate()
                async with asyncio.timeout(20):
                    assert await process.wait() == 0
