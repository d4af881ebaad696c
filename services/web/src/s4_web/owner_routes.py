"""The routes of what owners decide for themselves."""

from aiohttp import web

from s4_web.pages import email, erase, export, letters, pause


def routes() -> list[web.RouteDef]:
    """Address, letters, taking everything along, pause, and erasing it."""
    return [
        web.get("/account/{account_id}/email", email.show),
        web.post("/account/{account_id}/email", email.ask),
        web.post("/account/{account_id}/email/withdraw", email.withdraw),
        web.get("/email/confirm", email.open_link),
        web.post("/email/confirm", email.answer),
        web.post("/account/{account_id}/language", letters.speak),
        web.post("/account/{account_id}/letters", letters.choose),
        web.get("/letters/stop", letters.offer_stop),
        web.post("/letters/stop", letters.stop),
        web.get("/account/{account_id}/export", export.show),
        web.post("/account/{account_id}/export/list", export.listing),
        web.post("/account/{account_id}/export/session", export.session),
        web.get("/account/{account_id}/pause", pause.show),
        web.post("/account/{account_id}/pause", pause.pause),
        web.post("/account/{account_id}/unpause", pause.unpause),
        web.get("/account/{account_id}/erase", erase.show),
        web.post("/account/{account_id}/erase", erase.erase),
        web.post("/account/{account_id}/erase/undo", erase.undo),
    ]
