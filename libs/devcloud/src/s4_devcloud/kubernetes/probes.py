"""How a kubelet finds out about a container: HTTP and TCP probes at the pod's own address."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp


async def succeeds(probe: Mapping[str, Any], address: str, container: Mapping[str, Any]) -> bool:
    """Whether one attempt is answered as it should be."""
    action = probe.get("httpGet") or probe["tcpSocket"]
    port = _number(action["port"], container)
    try:
        async with asyncio.timeout(probe["timeoutSeconds"]):
            if "httpGet" in probe:
                return await _is_fine(f"http://{address}:{port}{action.get('path', '/')}")
            _, writer = await asyncio.open_connection(address, port)
            writer.close()
            return True
    except (OSError, aiohttp.ClientError, TimeoutError):
        return False


async def verdicts(probe: Mapping[str, Any], address: str, container: Mapping[str, Any]) -> AsyncIterator[bool]:
    """The probe's verdict, whenever it is reached anew: after so many attempts of one kind in a row."""
    await asyncio.sleep(probe.get("initialDelaySeconds", 0))
    row, last = 0, None
    while True:
        outcome = await succeeds(probe, address, container)
        row = row + 1 if outcome == last else 1
        last = outcome
        if row == probe["successThreshold" if outcome else "failureThreshold"]:
            yield outcome
        await asyncio.sleep(probe["periodSeconds"])


async def until_started(probe: Mapping[str, Any], address: str, container: Mapping[str, Any]) -> bool:
    """True once the container has started; False when it took too long."""
    for _ in range(probe["failureThreshold"]):
        if await succeeds(probe, address, container):
            return True
        await asyncio.sleep(probe["periodSeconds"])
    return False


async def _is_fine(url: str) -> bool:
    async with aiohttp.ClientSession() as session, session.get(url, allow_redirects=False) as answer:
        return 200 <= answer.status < 400


def _number(port: str | int, container: Mapping[str, Any]) -> int:
    if isinstance(port, int):
        return port
    return next(int(each["containerPort"]) for each in container.get("ports", []) if each.get("name") == port)
