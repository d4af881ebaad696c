"""Another plan: chosen, shown with the exact amount, and only then changed."""

from aiohttp import web

from s4_runtime import PeerUnavailable, is_id
from s4_web.accounts.account import Account
from s4_web.accounts.client import DoesNotFit, Misfit
from s4_web.accounts.store import Known
from s4_web.accounts.usage import usage_of
from s4_web.capacity import sold_out
from s4_web.html import page
from s4_web.pages.account import look
from s4_web.pages.changes import bought, confirm_first
from s4_web.security import FORM
from s4_web.sessions import Owner, owned
from s4_web.site import site_of
from s4_web.troubles import Refused


async def _may(request: web.Request) -> tuple[Owner, Known, Account]:
    """The account, if its plan can be changed now."""
    owner, known = await owned(request)
    account, is_answered = await look(request, known)
    if not is_answered:
        raise PeerUnavailable("billing-unavailable")
    if not account.can.change_plan:
        raise Refused(_why_not(account))
    return owner, known, account


def _why_not(account: Account) -> str:
    if account.ended:
        return "already-ended"
    if account.failing:
        return "payment-overdue"
    if account.cancel_at:
        return "cancellation-scheduled"
    return "change-pending" if account.pending_plan else "no-change-now"


async def choose(request: web.Request) -> web.Response:
    """The plans beside one's own."""
    owner, known, account = await _may(request)
    if not owner.is_recent:
        return await confirm_first(request, owner, f"/account/{known.account_id}/plan")
    return await _choices(request, known, account)


async def _choices(
    request: web.Request, known: Known, account: Account, wanted: str = "", misfit: Misfit | None = None
) -> web.Response:
    """Each of the other plans: by how much it is too small, and whether it cannot be had."""
    site = site_of(request)
    offer, out, usage = await site.billing.offer(), await sold_out(site), await usage_of(site.pool, known.signup_id)
    own = offer.plan(account.plan or "")
    choices = [
        (plan, usage.excess(plan.quota_bytes) if usage else 0, plan.id in out and plan.is_larger_than(own))
        for plan in offer.plans
        if plan.id != account.plan
    ]
    return page(
        request,
        "plan.html",
        status=409 if misfit else 200,
        account=account,
        choices=choices,
        can_choose=any(not excess and not is_out for _, excess, is_out in choices),
        usage=usage,
        misfit=misfit,
        wanted=wanted,
    )


async def preview(request: web.Request) -> web.Response:
    """What the chosen plan would cost now and later. Nothing is changed by looking."""
    owner, known, account = await _may(request)
    if not owner.is_recent:
        return await confirm_first(request, owner, f"/account/{known.account_id}/plan")
    return await _preview(request, known, account, request[FORM].get("plan", ""))


async def _preview(
    request: web.Request, known: Known, account: Account, wanted: str, *, is_stale: bool = False
) -> web.Response:
    """The amounts; or the choice again, if more is stored than the plan holds."""
    site = site_of(request)
    plan = (await site.billing.offer()).plan(wanted)
    if plan is None:
        raise Refused("choose-plan")
    try:
        shown = await site.accounts.preview(account.account_id, plan.id)
    except DoesNotFit as refusal:
        return await _choices(request, known, account, plan.name, refusal.misfit)
    status = 409 if is_stale else 200
    return page(
        request, "plan_preview.html", status=status, account=account, plan=plan, preview=shown, is_stale=is_stale
    )


async def change(request: web.Request) -> web.Response:
    """Changed to exactly what was shown. If the amount is not that any more, the new one is shown instead."""
    owner, known = await owned(request)
    if not owner.is_recent:
        return await confirm_first(request, owner, f"/account/{known.account_id}/plan")
    form = request[FORM]
    preview_id = form.get("preview_id", "")
    if not is_id(preview_id):
        raise Refused("bad-request")
    try:
        return await bought(request, known, "plan", {"preview_id": preview_id}, done="plan")
    except Refused as refusal:
        if refusal.code not in {"preview-stale", "does-not-fit"}:
            raise
    _, _, account = await _may(request)
    return await _preview(request, known, account, form.get("plan", ""), is_stale=True)
