"""``python -m s4_devcloud stripe``: start the stand-in for Stripe."""

import argparse
import asyncio
import json
import signal
from pathlib import Path

from s4_devcloud.stripe.server import serving
from s4_devcloud.stripe.settings import Settings


def main(argv: list[str]) -> int:
    """Serve until SIGTERM or SIGINT."""
    asyncio.run(_serve(settings_of(argv)))
    return 0


def settings_of(argv: list[str]) -> Settings:
    """The settings that the command line names. Exits with a message for a wrong one."""
    parser = argparse.ArgumentParser(prog="python -m s4_devcloud stripe", description=__doc__)
    parser.add_argument("--listen", default="127.0.0.1:2600", help="where the API and the pages listen, HOST:PORT")
    parser.add_argument("--control", default="127.0.0.1:2601", help="where the control API listens, HOST:PORT")
    _add_keys(parser)
    parser.add_argument("--public-url", help="the address at which browsers see --listen")
    parser.add_argument("--webhook-url", help="where events are delivered; without it they are only listed")
    parser.add_argument("--webhook-secret-file", type=Path, help="file with the endpoint's signing secret")
    parser.add_argument(
        "--webhook-retry-seconds", type=float, default=0.5, help="first wait; each next is 3 times that"
    )
    parser.add_argument("--webhook-timeout-seconds", type=float, default=10.0)
    arguments = parser.parse_args(argv)
    if arguments.webhook_url and not arguments.webhook_secret_file:
        parser.error("--webhook-url needs --webhook-secret-file")
    return Settings(
        listen=arguments.listen,
        control=arguments.control,
        secret_key=_key(parser, arguments, "secret-key", "sk_test_"),
        publishable_key=_key(parser, arguments, "publishable-key", "pk_test_"),
        public_url=(arguments.public_url or f"http://{arguments.listen}").rstrip("/"),
        webhook_url=arguments.webhook_url,
        webhook_secret=_file(parser, arguments, "webhook-secret"),
        retry_seconds=arguments.webhook_retry_seconds,
        webhook_timeout_seconds=arguments.webhook_timeout_seconds,
    )


def _add_keys(parser: argparse.ArgumentParser) -> None:
    for name, form in (("secret-key", "sk_test_…"), ("publishable-key", "pk_test_…")):
        either = parser.add_mutually_exclusive_group(required=True)
        either.add_argument(f"--{name}", help=f"the only {name.replace('-', ' ')}, {form}")
        either.add_argument(f"--{name}-file", type=Path, help="the same, in a file")


def _key(parser: argparse.ArgumentParser, arguments: argparse.Namespace, name: str, prefix: str) -> str:
    key: str = getattr(arguments, name.replace("-", "_")) or _file(parser, arguments, name) or ""
    if not key.startswith(prefix):
        parser.error(f"--{name} must begin with {prefix}: this is never the real Stripe")
    return key


def _file(parser: argparse.ArgumentParser, arguments: argparse.Namespace, name: str) -> str | None:
    """What the file of the option --NAME-file says; None without it."""
    path: Path | None = getattr(arguments, f"{name.replace('-', '_')}_file")
    if path is None:
        return None
    said = path.read_text(encoding="utf-8").strip() if path.is_file() else ""
    if not said:
        parser.error(f"--{name}-file: {path} does not exist or is empty")
    return said


async def _serve(settings: Settings) -> None:
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    async with serving(settings):
        ready = {"part": "stripe", "ready": True, "api": f"http://{settings.listen}"}
        ready |= {"control": f"http://{settings.control}", "public_url": settings.public_url}
        print(json.dumps(ready), flush=True)  # noqa: T201  the part's contract: one line when it serves
        await told.wait()
