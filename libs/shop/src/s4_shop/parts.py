"""The parts of the shop, what each needs, and how one sees that it is ready."""

import hashlib
import sys

from s4_shop.options import Options
from s4_shop.plan import Answers, Check, Finishes, Part, PrintsReady, Says200, SpeaksAmqp, TakesClients
from s4_shop.ports import LOOPBACK
from s4_shop.processes import Command
from s4_shop.wiring import REGION, SERVICES, SSH_PORT, Wiring

_LIBRARIES = ("contracts", "runtime", "store", "bus")


def parts(wiring: Wiring) -> list[Part]:
    """All of them. Any order will do: `needs` says what waits for what."""
    return [*_servers(wiring), _mailbox(wiring), *_cloud(wiring), *_preparations(wiring), *_services(wiring)]


def prepare(wiring: Wiring) -> None:
    """The files that PostgreSQL and RabbitMQ start from exist. Repeatable."""
    wiring.rabbit.prepare()
    wiring.postgres.prepare()
    wiring.backup_settings()


def _servers(wiring: Wiring) -> list[Part]:
    rabbit, postgres = wiring.rabbit, wiring.postgres
    takes_clients = TakesClients(wiring.operator_url_file())
    return [
        _server("epmd", rabbit.epmd(), Answers(rabbit.ports.epmd), rabbit.ports.epmd),
        _server("rabbitmq", rabbit.server(), SpeaksAmqp(rabbit.ports.amqp), rabbit.ports.amqp, "epmd"),
        _server("postgres", postgres.server(), takes_clients, postgres.port),
    ]


def _mailbox(wiring: Wiring) -> Part:
    """The mailbox server of magic-wormhole, through which invites go. It keeps what it knows in a file."""
    port, data = wiring.addresses.port("mailbox"), wiring.folder.data / "mailbox"
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    server = ["wormhole-mailbox", f"--port=tcp:{port}:interface={LOOPBACK}", "--disallow-list", "--blur-usage=3600"]
    server += [f"--channel-db={data / 'channels.sqlite'}", f"--usage-db={data / 'usage.sqlite'}"]
    return Part(
        name="mailbox",
        argv=_python("twisted", *server),
        cwd=str(data),
        ready=Answers(port),
        port=port,
    )


def _cloud(wiring: Wiring) -> list[Part]:
    options, at, data = wiring.options, wiring.addresses, wiring.folder.data
    secret, publishable = wiring.stripe_keys()
    images = ["--output", str(options.images), "--node", str(options.repository / "libs" / "node")]
    aws = ["--listen", at.listen("aws"), "--control", at.listen("aws-control"), "--state", str(data / "aws")]
    aws += [
        "--driver",
        options.driver,
        "--image",
        str(options.images),
        "--region",
        REGION,
        "--ssh-port",
        str(SSH_PORT),
    ]
    stripe = ["--listen", at.listen("stripe"), "--control", at.listen("stripe-control")]
    stripe += ["--secret-key", secret, "--publishable-key", publishable, "--public-url", at.url("stripe")]
    stripe += ["--webhook-url", at.url("billing") + "/stripe/events"]
    stripe += ["--webhook-secret-file", str(wiring.stripe_webhook_secret())]
    mail = ["--smtp", at.listen("smtp"), "--http", at.listen("inbox"), "--state", str(wiring.mail_folder)]
    mail += ["--user", "s4", "--password-file", str(wiring.mail_password())]
    mail += ["--reports-to", at.listen("notifier-reports")]
    return [
        Part(
            name="image",
            argv=_python("s4_devcloud", "image", "--kind", options.driver, *images),
            ready=Finishes(),
            stamp=_stamp(options, "libs/node", "libs/devcloud/src/s4_devcloud/image"),
            shows_progress=True,
        ),
        _double(options, "aws", aws, at.port("aws"), "image"),
        _double(options, "stripe", stripe, at.port("stripe")),
        _double(options, "mail", mail, at.port("inbox")),
    ]


def _preparations(wiring: Wiring) -> list[Part]:
    """What an operator does once by each system's public interface before the services start."""
    root = str(wiring.folder.root)
    zone = ["hosted-zone", wiring.addresses.url("aws"), REGION]
    catalogue = _python("s4_billing", "catalogue", "push")
    wiring.operator_broker_file()
    return [
        Part(
            name="queues",
            argv=_python("s4_shop", "queues", root),
            env=dict(wiring.rabbit.server().env),
            ready=Finishes(),
            needs=["rabbitmq"],
            stamp=_stamp(wiring.options, "libs/bus/src", "libs/contracts/src"),
        ),
        Part(name="databases", argv=_python("s4_shop", "databases", root), ready=Finishes(), needs=["postgres"]),
        Part(
            name="hosted-zone",
            argv=_python("s4_shop", *zone),
            env=wiring.aws(),
            ready=Finishes(),
            needs=["aws"],
            repeat_after=["aws"],
        ),
        Part(
            name="catalogue",
            argv=catalogue,
            env=wiring.service("billing"),
            ready=Finishes(),
            needs=["stripe"],
            repeat_after=["stripe"],
            stamp=_stamp(wiring.options, "services/billing/src"),
        ),
    ]


def _services(wiring: Wiring) -> list[Part]:
    extra = {
        "billing": ["catalogue"],
        "provisioner": ["aws", "hosted-zone"],
        "notifier": ["mail"],
        "invites": ["mailbox"],
    }
    made = []
    for name in SERVICES:
        sources = [f"{_home(wiring.options, name)}/src", *(f"libs/{library}/src" for library in _LIBRARIES)]
        stamp, environment = _stamp(wiring.options, *sources), wiring.service(name)
        migrate = Part(
            name=f"{name}-migrate",
            argv=_python(f"s4_{name}", "migrate"),
            env=environment,
            ready=Finishes(),
            needs=["databases"],
            stamp=stamp,
        )
        serve = Part(
            name=name,
            argv=_python(f"s4_{name}", "serve"),
            env=environment,
            ready=Says200(wiring.addresses.url(f"{name}-probes") + "/readyz"),
            needs=[migrate.name, "queues", *extra.get(name, [])],
            port=wiring.addresses.port("notifier-probes" if name == "notifier" else name),
            stamp=stamp,
        )
        made += [migrate, serve]
    return made


def _home(options: Options, service: str) -> str:
    return next(home for home in (f"services/{service}", f"libs/{service}") if (options.repository / home).is_dir())


def _server(name: str, command: Command, ready: Check, port: int, *needs: str) -> Part:
    return Part(
        name=name,
        argv=list(command.argv),
        env=dict(command.env),
        cwd=str(command.cwd),
        user=command.user,
        stop_signal=command.stop_signal,
        ready=ready,
        needs=list(needs),
        port=port,
    )


def _double(options: Options, name: str, arguments: list[str], port: int, *needs: str) -> Part:
    sources = [f"libs/devcloud/src/s4_devcloud/{name}", "libs/devcloud/src/s4_devcloud/machines"]
    return Part(
        name=name,
        argv=_python("s4_devcloud", name, *arguments),
        ready=PrintsReady(),
        needs=list(needs),
        port=port,
        stamp=_stamp(options, *(sources if name == "aws" else sources[:1])),
    )


def _python(*arguments: str) -> list[str]:
    return [sys.executable, "-m", *arguments]


def _stamp(options: Options, *folders: str) -> str:
    """Changes when a source file in these folders does, so that `up` starts what was edited anew."""
    total = hashlib.sha256()
    for folder in folders:
        for path in sorted((options.repository / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                total.update(f"{path}:{path.stat().st_mtime_ns}\n".encode())
    return total.hexdigest()[:16]
