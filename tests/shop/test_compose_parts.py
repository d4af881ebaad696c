"""What compose.yaml runs beside the services, as far as no container is needed."""

import os
import subprocess
import sys
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestServer

from s4_shop.compose.demo import Published
from s4_shop.demo.customer import Customer


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "s4_shop.compose", *words], capture_output=True, text=True, check=False, env=os.environ
    )


async def test_the_sites_address_on_the_host_leads_to_its_container_and_stays_its_name() -> None:
    async def named(request: web.Request) -> web.Response:
        return web.Response(text=f'<p id="main">{request.host}</p>')

    app = web.Application()
    app.router.add_get("/", named)
    async with TestServer(app) as server:
        assert server.port
        published = Published({8080: ("127.0.0.1", server.port)})
        async with Customer("http://localhost:8080", published) as customer:
            page = await customer.open("/")

    assert page.texts["main"] == "localhost:8080"


def test_a_client_without_a_grid_says_how_it_gets_one(tmp_path: Path) -> None:
    done = run("client", str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.strip().endswith("docker compose run --rm join CODE")


def test_secrets_are_said_to_be_written_but_never_what_they_are(tmp_path: Path) -> None:
    assert run("folders", str(tmp_path)).returncode == 0
    first, second = run("secrets", str(tmp_path)), run("secrets", str(tmp_path))
    assert (first.returncode, first.stderr, second.stdout) == (0, "", "all secrets were there\n")
    assert first.stdout.endswith(" secrets written\n")
    assert len(first.stdout) < 40
