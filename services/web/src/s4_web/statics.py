"""Our own style sheets, scripts and pictures, under names that change with their content."""

import hashlib
from importlib import resources

from aiohttp import web

from s4_web.troubles import NotThere

_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


class Statics:
    """All files of the static folder, in memory: together they are smaller than one photograph."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._files: dict[str, tuple[bytes, str]] = {}
        for file in resources.files("s4_web").joinpath("static").iterdir():
            stem, _, ending = file.name.rpartition(".")
            if ending in _TYPES:
                body = file.read_bytes()
                hashed = f"{stem}.{hashlib.sha256(body).hexdigest()[:12]}.{ending}"
                self._names[file.name] = hashed
                self._files[hashed] = (body, _TYPES[ending])

    def href(self, name: str) -> str:
        """The address of a file for the pages."""
        return f"/static/{self._names[name]}"

    async def serve(self, request: web.Request) -> web.Response:
        """The file, which may be kept for ever because its name is its content's."""
        found = self._files.get(request.match_info["name"])
        if found is None:
            raise NotThere("not-found")
        body, kind = found
        headers = {"Cache-Control": "public, max-age=31536000, immutable"}
        return web.Response(body=body, content_type=kind, charset="utf-8", headers=headers)
