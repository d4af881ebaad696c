"""The status page, followed until the grid is ready."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field

import aiohttp

from s4_shop.demo.customer import Customer, Refused
from s4_shop.demo.forms import Page

Say = Callable[[str], None]

_DURATION = re.compile(r"PT([\d.]+)S")
_LATE_WORDS = 3.0  # seconds
_LONGEST_SILENCE = 2.0  # seconds without an event before the page is read again


@dataclass
class Progress:
    """What the status page has told so far. Seconds are the site's own."""

    state: str = ""
    steps: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    ready_at: float = 0.0  # on the loop's clock

    @property
    def is_complete(self) -> bool:
        """True when every step has said how long it took; the word of the last may come after the grid is ready."""
        return all(step in self.seconds for step in self.steps if step != "letter")

    def read(self, page: Page) -> list[tuple[str, str]]:
        """Take the page in; the steps that changed since."""
        self.state = next(
            (one["data-state"] for one in page.with_attribute("data-state") if one.get("id") == "status"), ""
        )
        step, changed = "", []
        for element in page.elements:
            if "data-step" in element:
                step, state = element["data-step"], element.get("data-state", "")
                if self.steps.get(step) != state:
                    self.steps[step] = state
                    changed.append((step, state))
            elif step and element[""] == "time" and (found := _DURATION.fullmatch(element.get("datetime", ""))):
                self.seconds[step] = float(found.group(1))
        return changed


async def follow(customer: Customer, status_url: str, say: Say, *, within: float) -> Progress:
    """The grid is ready; each step has been said when it began and when it was done. Raises Refused."""
    progress, loop = Progress(), asyncio.get_running_loop()
    began = loop.time()
    try:
        async with asyncio.timeout(within):
            while True:
                for step, state in progress.read(await customer.open(status_url)):
                    if state in ("doing", "done", "retrying"):
                        seconds = f"{progress.seconds[step]:5.1f} s" if step in progress.seconds else ""
                        say(f"  {loop.time() - began:6.1f} s  {step:<12} {state:<9} {seconds}".rstrip())
                if progress.state == "ready":
                    progress.ready_at = progress.ready_at or loop.time()
                    if progress.is_complete or loop.time() > progress.ready_at + _LATE_WORDS:
                        return progress
                if progress.state == "failed":
                    raise Refused("the site says that the grid could not be made (make logs PART=provisioner)")
                await _next_event(customer, f"{status_url}/events")
    except TimeoutError:
        doing = [step for step, state in progress.steps.items() if state in ("doing", "retrying")]
        raise Refused(
            f"the grid was not ready after {within:g} s; under way: {', '.join(doing) or 'nothing'}"
        ) from None


async def _next_event(customer: Customer, url: str) -> None:
    """Return when the stream tells of something new, or after a while: then the page is read again."""
    try:
        async with (
            asyncio.timeout(_LONGEST_SILENCE),
            customer.session.get(url, params={"after": _after(customer)}) as stream,
        ):
            async for line in stream.content:
                if line.startswith(b"data:"):
                    return
    except (TimeoutError, aiohttp.ClientError):
        await asyncio.sleep(0.1)


def _after(customer: Customer) -> str:
    """The revision of the page that is shown: the stream begins after it."""
    return next((one["data-revision"] for one in customer.page.with_attribute("data-revision")), "0")
