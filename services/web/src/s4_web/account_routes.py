"""The routes by which owners connect clients, and see who is signed in."""

from aiohttp import web

from s4_web.pages import connect, furl, invites, sessions


def routes() -> list[web.RouteDef]:
    """Sign-ins, the furl, settings for clients, and invite codes."""
    return [
        web.get("/account/sessions", sessions.show),
        web.post("/account/sessions/end-others", sessions.end_others),
        web.post("/account/sessions/{session_id}/end", sessions.end),
        web.get("/account/{account_id}/connect", connect.show),
        web.post("/account/{account_id}/furl", furl.show),
        web.post("/account/{account_id}/gridsync.json", furl.gridsync),
        web.get("/account/{account_id}/invites", invites.show),
        web.post("/account/{account_id}/invites", invites.make),
        web.post("/account/{account_id}/invites/{invite_id}/withdraw", invites.withdraw),
    ]
