"""What the pages that anybody may read promise, beside what the services keep."""

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from s4_billing.settings import Settings as BillingSettings
from s4_invites.settings import Settings as InvitesSettings
from s4_notifier.settings import Settings as NotifierSettings
from s4_provisioner.settings import Settings as ProvisionerSettings
from s4_web.promises import Promises
from s4_web.words import place, span
from support.web_peers import Browser
from support.web_site import RunningSite

ROOT = Path(__file__).parents[3]
NODE_SETTINGS = ROOT / "libs/node/src/s4_node/settings.py"
# Which service keeps the promise.
KEEPERS: dict[str, type[msgspec.Struct]] = {
    "grace": BillingSettings,
    "retention": BillingSettings,
    "link_lifetime": NotifierSettings,
    "sign_in_lifetime": NotifierSettings,
    "invite_lifetime": InvitesSettings,
    "erasure_delay": ProvisionerSettings,
}
PAGES = ("/", "/how", "/plans", "/help", "/help/connect", "/terms", "/privacy", "/service")


def defaults(settings: type[msgspec.Struct]) -> dict[str, object]:
    return {field.name: field.default for field in msgspec.structs.fields(settings)}


def own_fields() -> Iterator[str]:
    yield from Promises.__annotations__


@pytest.mark.parametrize("name", KEEPERS)
def test_the_site_promises_what_the_service_keeps(name: str) -> None:
    assert defaults(Promises)[name] == defaults(KEEPERS[name])[name]


def test_every_promise_has_a_keeper() -> None:
    assert {*own_fields()} == {*KEEPERS, "largest_file_bytes"}


def test_a_file_of_the_promised_size_fits_into_a_node_with_what_tahoe_adds_to_it() -> None:
    found = re.search(r"spool_bytes: int = (\d+) \* MIB", NODE_SETTINGS.read_text())
    assert found
    # Hash trees and headers: 1 in 1,000 is far more than Tahoe-LAFS takes at that size.
    promised = defaults(Promises)["largest_file_bytes"]
    assert isinstance(promised, int)
    assert promised * 1.001 < int(found[1]) * 2**20


@pytest.mark.parametrize("path", ["/terms", "/help", "/plans"])
async def test_the_times_on_the_pages_are_those_of_the_settings(site: RunningSite, path: str) -> None:
    longer = {"grace": defaults(Promises)["grace"], "retention": site.settings.retention * 3}
    async with site.replica(**longer) as origin, site.browser(origin) as browser:
        page = await browser.get(path)
    assert "14 days" in page.text
    assert "90 days" in page.text
    assert "30 days" not in page.text.replace("30 days ago", "")


async def test_the_page_on_privacy_has_every_time_from_a_setting(site: RunningSite, browser: Browser) -> None:
    told = (await browser.get("/privacy")).text
    for promised in (site.settings.retention, site.settings.session_age, site.settings.link_lifetime):
        assert span(promised) in told
    assert span(site.settings.sign_in_lifetime) in told
    assert "cookie" in told.lower()


def test_no_template_has_a_promised_time_written_into_it() -> None:
    folder = ROOT / "services/web/src/s4_web/templates"
    written = re.compile(r"\b(?:14|30|7|fourteen|thirty|seven)[ -](?:days|minutes)|half an hour", re.IGNORECASE)
    found = {
        f"{path.name}: {hit}"
        for path in folder.glob("*.html")
        for hit in written.findall(path.read_text())
        # The history of the service, which is no promise.
        if path.name != "service.html"
    }
    assert found == set()


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_for_anybody_says_what_it_is_and_gives_nobody_a_cookie(browser: Browser, path: str) -> None:
    page = await browser.get(path)
    assert page.status == 200
    assert page.heading
    assert re.search(r"<title>[^<]+</title>", page.text)
    assert "Set-Cookie" not in page.headers


async def test_every_link_of_the_pages_leads_somewhere(browser: Browser) -> None:
    pages = {path: (await browser.get(path)).text for path in PAGES}
    for path, text in pages.items():
        for href in re.findall(r'href="([/#][^"]*)"', text):
            target, _, fragment = href.partition("#")
            status = (await browser.get(target)).status if target and target not in pages else 200
            assert status in {200, 303, 404 if target == "/status" else 200}, f"{href} on {path}"
            if fragment:
                assert f'id="{fragment}"' in pages[target or path], f"{href} on {path}"


async def test_the_pages_stand_while_billing_is_silent(site: RunningSite, browser: Browser) -> None:
    site.billing.is_down = True
    for path in (path for path in PAGES if path != "/plans"):
        assert (await browser.get(path)).status == 200, path


async def test_help_names_the_regions_that_are_sold(site: RunningSite, browser: Browser) -> None:
    assert "Frankfurt, Germany (eu-central-1)" in (await browser.get("/help")).text
    site.billing.plans = [{**plan, "region": "mars-north-1"} for plan in site.billing.plans]
    async with site.replica(plans_kept=site.settings.plans_kept) as origin, site.browser(origin) as other:
        assert "mars-north-1" in (await other.get("/help")).text


def test_a_region_that_nobody_named_stands_for_itself() -> None:
    assert place("mars-north-1") == "mars-north-1"
