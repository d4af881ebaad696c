"""The double of Stripe as a program of its own, and what a person or Stripe itself does there."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp

SECRET_KEY = "sk_test_for_tests_only"
PUBLISHABLE_KEY = "pk_test_for_tests_only"
WEBHOOK_SECRET = "whsec_for_tests_only"

GOOD_CARD = "4242424242424242"
DECLINED_CARD = "4000000000000002"


class StripeDouble:
    """Where the double listens. Every test begins with `reset`."""

    def __init__(self, api: str, control: str, key: str = SECRET_KEY) -> None:
        self.api = api
        self._control = control
        self._key = key

    async def order(self, path: str, **what: object) -> dict[str, Any]:
        """One order on the control port; its answer."""
        async with (
            aiohttp.ClientSession() as session,
            session.post(self._control + path, json=what) as answer,
        ):
            assert answer.status == 200, await answer.text()
            told: dict[str, Any] = await answer.json()
            return told

    async def reset(self) -> None:
        await self.order("/reset")

    async def fault(self, match: str, kind: str, *, times: int = 1, seconds: float = 30.0) -> None:
        """The next calls that match go wrong."""
        await self.order("/faults", match=match, kind=kind, times=times, seconds=seconds)

    async def reset_faults(self) -> None:
        """Let the double use up what was ordered."""
        while (await self.state())["faults"]:
            headers = {"Authorization": f"Bearer {self._key}"}
            async with aiohttp.ClientSession() as session, session.get(self.api + "/v1/customers", headers=headers):
                pass

    async def webhooks(self, mode: str) -> None:
        await self.order("/webhooks", mode=mode)

    async def advance(self, seconds: int) -> None:
        await self.order("/clock/advance", seconds=seconds)

    async def state(self) -> dict[str, Any]:
        async with aiohttp.ClientSession() as session, session.get(self._control + "/state") as answer:
            told: dict[str, Any] = await answer.json()
            return told

    async def journal(self) -> dict[str, Any]:
        async with aiohttp.ClientSession() as session, session.get(self._control + "/journal") as answer:
            told: dict[str, Any] = await answer.json()
            return told

    async def objects(self, path: str) -> list[dict[str, Any]]:
        """What the API lists, newest first."""
        answer = await self.call("GET", path)
        found: list[dict[str, Any]] = answer["data"]
        return found

    async def call(self, method: str, path: str, **fields: str) -> dict[str, Any]:
        """One call with the secret key, as somebody at Stripe's dashboard causes it."""
        headers = {"Authorization": f"Bearer {self._key}"}
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self.api + path, headers=headers, data=fields or None) as answer,
        ):
            told: dict[str, Any] = await answer.json()
            assert answer.status == 200, told
            return told

    async def pay(self, checkout: dict[str, Any], card: str = GOOD_CARD) -> str:
        """A person fills in the page of the checkout that billing has answered with; the page that follows."""
        form = {"number": card, "expiry": "12 / 40", "cvc": "123"}
        form |= {"name": "A Card", "country": "DE", "postal_code": "10115"}
        async with aiohttp.ClientSession() as session:
            where = checkout["url"] or await self._frame(session, checkout["client_secret"])
            async with session.post(where, data=form, allow_redirects=False) as answer:
                assert answer.status in {200, 302, 303, 402}, answer.status
                return await answer.text()

    async def _frame(self, session: aiohttp.ClientSession, client_secret: str) -> str:
        fields = {"key": PUBLISHABLE_KEY, "client_secret": client_secret}
        origin = {"Origin": "https://s4.example.org"}
        async with session.post(f"{self.api}/c/frames", data=fields, headers=origin) as answer:
            assert answer.status == 200, await answer.text()
            return str((await answer.json())["frame"])


@contextmanager
def stripe_double(listen: str, control: str, webhook_url: str, folder: Path) -> Iterator[StripeDouble]:
    """A double that answers, and tells `webhook_url` what happens."""
    secret_file = folder / "webhook-secret"
    secret_file.write_text(WEBHOOK_SECRET)
    command = [sys.executable, "-m", "s4_devcloud", "stripe", "--listen", listen, "--control", control]
    command += ["--secret-key", SECRET_KEY, "--publishable-key", PUBLISHABLE_KEY]
    command += ["--webhook-url", webhook_url, "--webhook-secret-file", str(secret_file)]
    command += ["--webhook-retry-seconds", "0.1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert json.loads(line or "{}").get("ready"), f"the double did not start: {line!r}"
            yield StripeDouble(f"http://{listen}", f"http://{control}")
        finally:
            process.terminate()
            process.wait(10)
