"""What an owner changes: leave, stay, pay, the card. Each form carries an id of its own, so twice is once."""

from collections.abc import Mapping

from aiohttp import web

from s4_runtime import PeerUnavailable, Secret, is_id, new_id
from s4_web.accounts import store
from s4_web.accounts.client import MustConfirm
from s4_web.accounts.store import Known
from s4_web.html import page, see_other
from s4_web.pages.account import look
from s4_web.security import FORM
from s4_web.sessions import Owner, owned
from s4_web.site import Site, origin_of, site_of
from s4_web.troubles import Refused


async def confirm_first(request: web.Request, owner: Owner, place: str) -> web.Response:
    """What cannot be undone easily wants a recent sign-in; whoever follows the new link goes on at ``place``."""
    await store.want(site_of(request).pool, owner.session.session, place)
    return page(request, "confirm_first.html", status=403, owner=owner)


def request_id(request: web.Request) -> str:
    """The form's own id. Raises Refused for a form that is not ours."""
    found = request[FORM].get("request_id", "")
    if not is_id(found):
        raise Refused("bad-request")
    return str(found)


async def leave(request: web.Request) -> web.Response:
    """What leaving means, with its dates; nothing is changed by looking."""
    _, known = await owned(request)
    account, is_answered = await look(request, known)
    if not is_answered:
        raise PeerUnavailable("billing-unavailable")
    if not (account.can.cancel or account.can.resume):
        raise Refused("already-ended" if account.ended else "not-subscribed")
    return page(request, "cancel.html", account=account, request_id=new_id())


async def cancel(request: web.Request) -> web.Response:
    """The subscription ends with the period, or now; whoever wants all erased after that is led there."""
    owner, known = await owned(request)
    when = request[FORM].get("when", "")
    if when not in {"period_end", "now", "erase"}:
        raise Refused("choose-when")
    if when != "period_end" and not owner.is_recent:
        return await confirm_first(request, owner, f"/account/{known.account_id}/cancel")
    ended = await _change(request, known, "cancel", done="cancelled", when="now" if when == "erase" else when)
    return see_other(f"/account/{known.account_id}/erase") if when == "erase" else ended


async def resume(request: web.Request) -> web.Response:
    """The subscription goes on after all."""
    _, known = await owned(request)
    return await _change(request, known, "resume", done="resumed")


async def pay(request: web.Request) -> web.Response:
    """The open bill is paid with the card that Stripe has."""
    _, known = await owned(request)
    return await _change(request, known, "pay", done="paid")


async def _change(request: web.Request, known: Known, what: str, *, done: str, **more: str) -> web.Response:
    return await bought(request, known, what, {"request_id": request_id(request), **more}, done=done)


async def bought(
    request: web.Request, known: Known, what: str, body: Mapping[str, object], *, done: str
) -> web.Response:
    """Back to the account with the change made; or the way to Stripe's page where the cardholder can confirm it."""
    site = site_of(request)
    try:
        await site.accounts.change(known.account_id, what, body)
    except MustConfirm as refusal:
        if refusal.url is None or not _is_stripes(site, refusal.url):
            raise
        return page(request, "confirm_payment.html", status=402, url=refusal.url.reveal())
    return see_other(f"/account/{known.account_id}?done={done}")


async def portal(request: web.Request) -> web.Response:
    """On to Stripe's own page, for the card and the details on invoices."""
    _, known = await owned(request)
    flow = request[FORM].get("flow", "home")
    if flow not in {"home", "card"}:
        raise Refused("bad-request")
    site = site_of(request)
    return _to_stripe(site, await site.accounts.portal(known.account_id, flow))


async def invoice(request: web.Request) -> web.Response:
    """On to the invoice's PDF at Stripe; the address is asked for anew each time, for it does not last."""
    _, known = await owned(request)
    site, invoice_id = site_of(request), request.match_info["invoice_id"]
    if not is_id(invoice_id):
        raise Refused("not-found")
    return _to_stripe(site, await site.accounts.invoice(known.account_id, invoice_id))


def _is_stripes(site: Site, url: Secret) -> bool:
    return origin_of(url.reveal()) in {origin_of(known) for known in site.settings.portal_origins}


def _to_stripe(site: Site, url: Secret) -> web.Response:
    if not _is_stripes(site, url):
        raise PeerUnavailable("billing-unavailable")
    return see_other(url.reveal())
