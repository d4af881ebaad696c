"""``python -m s4_devcloud mail``: start the mail sink."""

import argparse
import asyncio
import json
import signal
from pathlib import Path

from aiohttp import web

from s4_devcloud.mail.certificate import context_of, server_context
from s4_devcloud.mail.faults import Faults
from s4_devcloud.mail.inbox import Inbox
from s4_devcloud.mail.mailbox import Mailbox
from s4_devcloud.mail.reports import Reporter
from s4_devcloud.mail.smtp import Door, PasswordCheck, session_factory


def main(argv: list[str]) -> int:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m s4_devcloud mail", description=__doc__)
    parser.add_argument("--smtp", default="127.0.0.1:2525", help="where SMTP listens, HOST:PORT")
    parser.add_argument("--http", default="127.0.0.1:2580", help="where the web inbox listens, HOST:PORT")
    parser.add_argument("--state", type=Path, required=True, help="folder of the letters and of ca.pem")
    parser.add_argument("--user", default="s4")
    parser.add_argument("--reports-to", default="", help="where reports about letters are handed in, HOST:PORT")
    parser.add_argument("--password-file", type=Path, required=True)
    given, names = "PEM files of a certificate that was made elsewhere", ("CERTIFICATE", "KEY")
    parser.add_argument("--certificate", type=Path, nargs=2, metavar=names, help=given)
    arguments = parser.parse_args(argv)
    password = arguments.password_file.read_text(encoding="utf-8").strip()
    check = PasswordCheck(arguments.user, password)
    asyncio.run(_serve(arguments, check))
    return 0


async def _serve(arguments: argparse.Namespace, check: PasswordCheck) -> None:
    mailbox, faults = Mailbox(arguments.state / "letters"), Faults()
    reporter = Reporter(mailbox, arguments.reports_to)
    pair: list[Path] | None = arguments.certificate
    tls = context_of(*pair) if pair else server_context(arguments.state)
    door = Door(mailbox, faults, reporter)
    host, _, port = arguments.smtp.rpartition(":")
    server = await asyncio.get_running_loop().create_server(lambda: session_factory(door, check, tls), host, int(port))
    runner = web.AppRunner(Inbox(mailbox, faults, reporter).application(), access_log=None)
    await runner.setup()
    web_host, _, web_port = arguments.http.rpartition(":")
    await web.TCPSite(runner, web_host, int(web_port)).start()
    ready = {"part": "mail", "ready": True, "smtp": _bound(server), "http": f"http://{_address(runner)}"}
    print(json.dumps(ready), flush=True)  # noqa: T201  the part's contract: one line when it serves
    try:
        async with asyncio.TaskGroup() as group:
            reporting = group.create_task(reporter.forever())
            await _until_told()
            reporting.cancel()
    finally:
        server.close()
        await runner.cleanup()


async def _until_told() -> None:
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    await told.wait()


def _bound(server: asyncio.Server) -> str:
    host, port = server.sockets[0].getsockname()[:2]
    return f"{host}:{port}"


def _address(runner: web.AppRunner) -> str:
    host, port = runner.addresses[0][:2]
    return f"{host}:{port}"
