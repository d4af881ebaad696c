"""What a page cost the browser that shows it."""

from typing import Any

import msgspec
from playwright.async_api import Page, Request

# Notes every shift from the first moment on; https://wicg.github.io/layout-instability/
_WATCH_SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) {
    if (!one.hadRecentInput) {
      window.shifts.push({ value: one.value, what: one.sources.map((source) => source.node?.outerHTML?.slice(0, 80)) });
    }
  }
}).observe({ type: "layout-shift", buffered: true });
"""
_SHIFTS = """async () => {
  await document.fonts.ready;
  window.scrollTo(0, document.body.scrollHeight);
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  return window.shifts;
}"""
_MEASURE = """() => {
  const depth = (one) => 1 + Math.max(0, ...[...one.children].map(depth));
  return {
    blocking: performance.getEntriesByType("resource").filter((one) => one.renderBlockingStatus === "blocking")
      .map((one) => new URL(one.name).pathname),
    scripts: document.scripts.length,
    elements: document.querySelectorAll("*").length,
    depth: depth(document.documentElement),
    unsized: [...document.images].filter((one) => !one.hasAttribute("width") || !one.hasAttribute("height"))
      .map((one) => one.outerHTML),
  };
}"""


class Cost(msgspec.Struct, frozen=True):
    """``bytes`` is the size of all bodies; ``blocking`` are paths that the first picture waited for."""

    bytes: int
    requests: int
    shifts: list[dict[str, Any]]
    blocking: list[str]
    scripts: int
    elements: int
    depth: int
    unsized: list[str]

    @property
    def layout_shift(self) -> float:
        """All shifts together; the metric that is usually named takes the worst five seconds of them."""
        return sum(float(shift["value"]) for shift in self.shifts)


class Meter:
    """Counts what a page asks for."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._asked: list[Request] = []
        page.on("requestfinished", self._note)

    def _note(self, request: Request) -> None:
        self._asked.append(request)

    @classmethod
    async def on(cls, page: Page) -> "Meter":
        """One for what the window shows from now on."""
        await page.add_init_script(_WATCH_SHIFTS)
        return cls(page)

    async def cost(self) -> Cost:
        """What it was, up to the end of the page as somebody scrolls there."""
        shifts, found = await self.shifts(), await self._page.evaluate(_MEASURE)
        sizes = [len(await response.body()) for request in self._asked if (response := await request.response())]
        return Cost(bytes=sum(sizes), requests=len(sizes), shifts=shifts, **found)

    async def shifts(self) -> list[dict[str, Any]]:
        """What moved since the page in the window began."""
        found: list[dict[str, Any]] = await self._page.evaluate(_SHIFTS)
        return found
