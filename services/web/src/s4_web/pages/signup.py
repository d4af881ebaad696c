"""The signup form: who buys which plan. Nothing is charged here."""

from collections.abc import Collection

from aiohttp import web

from s4_runtime import PeerUnavailable, came_to
from s4_web import limits, store
from s4_web.address import email_of
from s4_web.billing_client import Offer
from s4_web.capacity import sold_out
from s4_web.html import page, see_other
from s4_web.owner.letters import LANGUAGES, choices_of, choose_language, language_of
from s4_web.progress import Signup
from s4_web.security import FORM, Form, browser_of
from s4_web.site import Site, site_of
from s4_web.troubles import Refused


async def show(request: web.Request) -> web.Response:
    """The form, filled in as far as we know; who has paid sees the status, unless another grid is wanted."""
    site = site_of(request)
    offer = await site.billing.offer()
    if not offer.open:
        raise Refused("signups-closed")
    browser = browser_of(request)
    current = await store.current_signup(site.pool, browser) if browser else None
    values = {"plan": request.query.get("plan", ""), "another": request.query.get("another", "")}
    if current and current.is_paid and values["another"] != current.signup_id:
        return see_other("/status")
    if current and not current.is_paid:
        values |= {"email": current.email, "terms": "yes", "plan": values["plan"] or current.plan}
        values["language"] = (await choices_of(site.pool, current.account_id)).language
    came_to("form-shown")
    return _form(request, offer, values, {}, out=await sold_out(site))


async def submit(request: web.Request) -> web.Response:
    """One signup per browser until it is paid: the same form twice, or in two tabs, changes that one."""
    site, form, browser = site_of(request), request[FORM], browser_of(request)
    if browser is None:
        raise Refused("form-not-ours")
    if _is_settled(await store.current_signup(site.pool, browser), form):
        return see_other("/status")
    try:
        offer = await site.billing.offer(fresh=True)
    except PeerUnavailable as trouble:
        return _form(request, site.billing.known, form, {"form": trouble.code}, status=503)
    if not offer.open:
        raise Refused("signups-closed")
    email = email_of(form.get("email", "").strip(" "))
    out = await sold_out(site)
    problems = _problems(form, offer, email, out)
    if email is None or problems:
        return _form(request, offer, form, problems, out=out, status=409 if form.get("plan") in out else 422)
    await _count(request, site, email)
    await _record(site, browser, {**form, "language": _language(request, form)}, email)
    came_to("form-sent")
    return see_other("/pay")


def _problems(form: Form, offer: Offer, email: str | None, out: Collection[str]) -> dict[str, str]:
    gone = "This plan is not available right now. Nothing was charged. Please choose another one, or come back later."
    wanted = form.get("plan", "")
    checks = {
        "email": (email, "Please give the address that your letter is to go to, such as name@example.com."),
        "plan": (
            offer.plan(wanted) and wanted not in out,
            gone if wanted in out else "Please choose one of the plans.",
        ),
        "terms": (form.get("terms") == "yes", "Please agree to the terms to go on."),
    }
    return {field: words for field, (is_right, words) in checks.items() if not is_right}


async def _count(request: web.Request, site: Site, email: str) -> None:
    address = limits.from_where(request)
    async with site.pool.transaction() as tx:
        fits_address = await limits.use(tx, site, "address", address, site.settings.signups_per_address)
        is_allowed = fits_address and await limits.use(
            tx, site, "email", email.lower(), site.settings.signups_per_email
        )
    if not is_allowed:
        raise Refused("too-many-signups")


async def _record(site: Site, browser: bytes, form: Form, email: str) -> None:
    now = site.clock.now()
    async with site.pool.transaction() as tx:
        await store.lock_browser(tx, browser, now)
        current = await store.current_signup(tx, browser)
        if current and not current.is_paid:
            await store.change_signup(tx, current.signup_id, form["plan"], email)
        elif not _is_settled(current, form):
            await store.add_signup(tx, browser, form["plan"], email, now)
        signup = await store.current_signup(tx, browser)
        if signup and not signup.is_paid:
            await choose_language(tx, [signup.account_id], form["language"], now)


def _is_settled(current: Signup | None, form: Form) -> bool:
    """Whether the browser's signup is paid, and the form does not ask for another one after it."""
    return current is not None and current.is_paid and form.get("another") != current.signup_id


def _language(request: web.Request, form: Form) -> str:
    """The language that the form names, or else the one that the browser does."""
    chosen = form.get("language", "")
    return chosen if chosen in LANGUAGES else language_of(request.headers.get("Accept-Language", ""))


def _form(
    request: web.Request,
    offer: Offer,
    values: Form,
    problems: Form,
    *,
    out: Collection[str] = (),
    status: int = 200,
) -> web.Response:
    kept = {name: values.get(name, "") for name in ("email", "plan", "terms", "another")}
    kept["language"] = _language(request, values)
    known = {"offer": offer, "values": kept, "problems": problems, "sold_out": out, "languages": LANGUAGES}
    return page(request, "signup.html", status=status, **known)
