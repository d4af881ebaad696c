"""What each service is told: addresses of the others and files with secrets, under the names that its settings have."""

import getpass
import json
from collections.abc import Callable, Mapping
from pathlib import Path

from s4_bus.definitions import DESK_USER
from s4_shop import keys
from s4_shop.addresses import Addresses
from s4_shop.folder import StateFolder, write_private
from s4_shop.options import Options
from s4_shop.ports import LOOPBACK
from s4_shop.postgres import PostgresCluster
from s4_shop.rabbitmq import Ports, RabbitNode

DEPLOYMENT = "local"
SERVICES = ("web", "billing", "provisioner", "notifier", "invites", "support")
GRID_DOMAIN = "grids.s4.test"  # RFC 6761: .test belongs to nobody
REGION = "eu-central-1"
# The port that leads to a machine's sshd. The usual one may be taken on all addresses by this machine's own sshd.
SSH_PORT = 2222
# Few, because each machine's are opened one by one here.
GRID_PORTS = "34000-34199"
# The plans on sale are on machines of their own, of which one stands ready. Others share one, in shards.
FLEET = {
    "pools": {
        "dedicated": {"warm": 1},
        "shared": {"isolation": "shard", "capacity": 200, "memory_mib": 600, "grids_per_shard": 50},
    },
    "plans": {"personal": "dedicated", "studio": "dedicated", "shared": "shared"},
    "otherwise": "dedicated",
}
MAIL_FROM = "S4 <hello@s4.test>"


class Wiring:
    """The secrets and addresses of one shop, and who gets which."""

    def __init__(self, folder: StateFolder, addresses: Addresses, options: Options) -> None:
        self.folder = folder
        self.addresses = addresses
        self.options = options
        words = {service: folder.token(f"amqp-{service}").read_text() for service in (*SERVICES, DESK_USER)}
        self.rabbit = RabbitNode(
            folder=folder.data / "rabbitmq",
            ports=Ports(
                amqp=addresses.port("rabbitmq"),
                management=addresses.port("rabbitmq-management"),
                distribution=addresses.port("rabbitmq-distribution"),
                epmd=addresses.port("epmd"),
            ),
            user="operator",
            password=folder.token("amqp-operator").read_text(),
            users=words,
        )
        self.postgres = PostgresCluster(
            folder=folder.data / "postgres",
            port=addresses.port("postgres"),
            user="operator",
            password=folder.token("database-operator").read_text(),
            durable=options.durable,
        )

    def service(self, name: str) -> dict[str, str]:
        """The environment of a service, also of its `migrate`."""
        environment = {
            "S4_DEPLOYMENT": DEPLOYMENT,
            "S4_DATABASE_URL_FILE": self._file(f"database-url-{name}", self.database_url(name)),
            "S4_AMQP_URL_FILE": self._file(f"amqp-url-{name}", self.rabbit.amqp_url(user=name)),
            "S4_PROBES_LISTEN": self.addresses.listen(f"{name}-probes"),
        }
        own: Mapping[str, Callable[[], dict[str, str]]] = {
            "web": self._web,
            "billing": self._billing,
            "provisioner": self._provisioner,
            "notifier": self._notifier,
            "invites": self._invites,
            "support": self._support,
        }
        return {**environment, **own[name](), **self.options.environment.get(name, {})}

    def database_password(self, service: str) -> str:
        """The password of the service's own role."""
        return self.folder.token(f"database-{service}").read_text()

    def database_url(self, service: str) -> str:
        """The service's own database, as its own role; both are named after it."""
        return self.postgres.url(service, user=service, password=self.database_password(service))

    def operator_broker_file(self) -> str:
        """A file with the administrator's url of the broker."""
        self._file("management-url-operator", self.rabbit.operator_url)
        return self._file("amqp-url-operator", self.rabbit.amqp_url())

    def operator_url_file(self) -> str:
        """A file with the administrator's database url."""
        return self._file("database-url-operator", self.postgres.url())

    def backup_settings(self) -> str:
        """The file from which ``s4 backup`` knows this shop; who may read a backup is said by who makes it."""
        signing = self.folder.secret("backup-signing-key", keys.signing_key)
        told = {
            "deployment": "local",
            "server_url_file": self.operator_url_file(),
            "secrets": str(self.folder.root / "secrets"),
            "signing_key_file": str(signing),
            "signers": [keys.signer(signing.read_text())],
        }
        return self._file("backup.json", json.dumps(told))

    def aws(self) -> dict[str, str]:
        """Credentials by AWS's own chain."""
        lines = "[default]\naws_access_key_id = AKIALOCALSHOP\naws_secret_access_key = {secret}\n"
        text = lines.format(secret=self.folder.token("aws-secret-key").read_text())
        path = self._file("aws-credentials", text)
        return {
            "AWS_SHARED_CREDENTIALS_FILE": path,
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def stripe_keys(self) -> tuple[str, str]:
        """Secret and publishable key, in Stripe's own form for test mode."""
        secret = self.folder.secret("stripe-secret-key", lambda: "sk_test_" + keys.letters(32)).read_text()
        publishable = self.folder.secret("stripe-publishable-key", lambda: "pk_test_" + keys.letters(32)).read_text()
        return secret, publishable

    def stripe_webhook_secret(self) -> Path:
        """The file with what webhooks are signed with."""
        return self.folder.secret("stripe-webhook-secret", lambda: "whsec_" + keys.letters(32))

    def mail_password(self) -> Path:
        """The file with the password of the SMTP server's only user."""
        return self.folder.token("smtp-password")

    @property
    def mail_folder(self) -> Path:
        """Where the mail sink keeps letters and its certificate."""
        return self.folder.data / "mail"

    @property
    def mailbox_url(self) -> str:
        """Where invites go through, as clients are told it."""
        return f"ws://{self.addresses.listen('mailbox')}/v1"

    def _web(self) -> dict[str, str]:
        _, publishable = self.stripe_keys()
        private = self.folder.secret("claim-private-key", keys.signing_key).read_text()
        return {
            "S4_LISTEN": self.addresses.listen("web"),
            "S4_PUBLIC_URL": self.addresses.url("web"),
            "S4_BILLING_URL": self.addresses.url("billing"),
            "S4_BILLING_TOKEN_FILE": str(self.folder.token("billing-token")),
            "S4_PROVISIONER_URL": self.addresses.url("provisioner"),
            "S4_PROVISIONER_TOKEN_FILE": str(self.folder.token("provisioner-token")),
            "S4_INVITES_URL": self.addresses.url("invites"),
            "S4_INVITES_TOKEN_FILE": str(self.folder.token("invites-token")),
            "S4_COOKIE_KEY_FILE": str(self.folder.token("cookie-key")),
            "S4_CLAIM_PUBLIC_KEY_FILE": self._file("claim-public-key", keys.public_half(private)),
            "S4_STRIPE_PUBLISHABLE_KEY": publishable,
            "S4_STRIPE_JS_URL": self.addresses.url("stripe") + "/v3/stripe.js",
            "S4_CHECKOUT_ORIGINS": self.addresses.url("stripe"),
            "S4_PORTAL_ORIGINS": self.addresses.url("stripe"),
            "S4_MAIL_FROM": MAIL_FROM,
            # Everybody comes from the same address here.
            "S4_SIGNUPS_PER_ADDRESS": "10000",
            "S4_SIGNUPS_PER_EMAIL": "1000",
            "S4_SIGN_INS_PER_ADDRESS": "10000",
            "S4_SIGN_INS_PER_EMAIL": "1000",
        }

    def _billing(self) -> dict[str, str]:
        self.stripe_keys()
        return {
            "S4_LISTEN": self.addresses.listen("billing"),
            "S4_SERVICE_TOKEN_FILE": str(self.folder.token("billing-token")),
            "S4_STRIPE_SECRET_KEY_FILE": str(self.folder.root / "secrets" / "stripe-secret-key"),
            "S4_STRIPE_WEBHOOK_SECRETS_FILE": str(self.stripe_webhook_secret()),
            "S4_STRIPE_API_URL": self.addresses.url("stripe"),
            "S4_PUBLIC_URL": self.addresses.url("web"),
            "S4_CHECKOUTS_PER_ADDRESS": "10000",
            "S4_CHECKOUTS_PER_EMAIL": "1000",
            "S4_CHECKOUTS_PER_ACCOUNT": "1000",
            "S4_CHECKOUTS_PER_HOUR": "10000",
            "S4_OPERATOR_LISTEN": self.addresses.listen("billing-operator"),
            "S4_OPERATOR_TOKENS_FILE": self._billing_operator_tokens(),
        }

    def _operator_tokens(self) -> str:
        """The file that lets one operator in, and another from which the command ``s4`` knows where and how."""
        token = self.folder.token("operator-token").read_text()
        told: dict[str, object] = {
            service: self.addresses.url(f"{service}-operator") for service in ("billing", "provisioner", "support")
        }
        told |= {"probes": {service: self.addresses.url(f"{service}-probes") for service in SERVICES}}
        told |= {"deployment": DEPLOYMENT, "state": str(self.folder.root), "token": token}
        self._file("operator.json", json.dumps(told))
        return self._file("operator-tokens", f"local:{token}")

    def _billing_operator_tokens(self) -> str:
        """The same, and the support page, which asks whose an id of Stripe's is."""
        of_support = self.folder.token("support-billing-token").read_text()
        local = Path(self._operator_tokens()).read_text(encoding="utf-8")
        return self._file("billing-operator-tokens", f"{local},support:{of_support}")

    def _provisioner(self) -> dict[str, str]:
        return {
            "S4_LISTEN": self.addresses.listen("provisioner"),
            "S4_SERVICE_TOKEN_FILE": str(self.folder.token("provisioner-token")),
            "S4_SEAL_KEY_FILE": str(self.folder.secret("seal-key", keys.seal_key)),
            "S4_SSH_KEY_FILE": str(self.folder.secret("ssh-key", keys.ssh_key)),
            "S4_SSH_FROM": "127.0.0.0/8",
            "S4_AWS_ENDPOINT_URL": self.addresses.url("aws"),
            "S4_AWS_REGION": REGION,
            "S4_INSTANCE_TYPE": "t3.small",
            "S4_FLEET": json.dumps(FLEET),
            "S4_GRID_PORTS": GRID_PORTS,
            "S4_GRID_DOMAIN": GRID_DOMAIN,
            "S4_HOSTED_ZONE": GRID_DOMAIN,
            "S4_FURL_ADDRESS_HINT": "true",
            "S4_OPERATOR_LISTEN": self.addresses.listen("provisioner-operator"),
            "S4_OPERATOR_TOKENS_FILE": self._operator_tokens(),
            "S4_PROBE_COMMAND": f"{self.options.node / 'bin' / 's4-node'},probe",
            **self.aws(),
            **self._sshd(),
        }

    def _notifier(self) -> dict[str, str]:
        return {
            "S4_SMTP_HOST": LOOPBACK,
            "S4_SMTP_PORT": str(self.addresses.port("smtp")),
            "S4_SMTP_USER": "s4",
            "S4_SMTP_PASSWORD_FILE": str(self.mail_password()),
            "S4_SMTP_CA": str(self.mail_folder / "ca.pem"),
            "S4_MAIL_FROM": MAIL_FROM,
            "S4_PUBLIC_URL": self.addresses.url("web"),
            "S4_REPORTS_LISTEN": self.addresses.listen("notifier-reports"),
            "S4_CLAIM_PRIVATE_KEY_FILE": str(self.folder.secret("claim-private-key", keys.signing_key)),
        }

    def _invites(self) -> dict[str, str]:
        return {
            "S4_LISTEN": self.addresses.listen("invites"),
            "S4_SERVICE_TOKEN_FILE": str(self.folder.token("invites-token")),
            "S4_PROVISIONER_URL": self.addresses.url("provisioner"),
            "S4_PROVISIONER_TOKEN_FILE": str(self.folder.token("provisioner-token")),
            "S4_MAILBOX_URL": self.mailbox_url,
            "S4_SEAL_KEY_FILE": str(self.folder.secret("invites-seal-key", keys.seal_key)),
        }

    def _support(self) -> dict[str, str]:
        return {
            "S4_LISTEN": self.addresses.listen("support"),
            "S4_PUBLIC_URL": self.addresses.url("support"),
            "S4_OPERATOR_TOKENS_FILE": self._operator_tokens(),
            "S4_BILLING_OPERATOR_URL": self.addresses.url("billing-operator"),
            "S4_BILLING_OPERATOR_TOKEN_FILE": str(self.folder.token("support-billing-token")),
            "S4_COOKIE_KEY_FILE": str(self.folder.token("support-cookie-key")),
            "S4_OPERATOR_LISTEN": self.addresses.listen("support-operator"),
            "S4_OPERATOR_AMQP_URL_FILE": self._file("amqp-url-desk", self.rabbit.amqp_url(user=DESK_USER)),
        }

    def _sshd(self) -> dict[str, str]:
        user = "s4" if self.options.driver == "nspawn" else getpass.getuser()
        return {"S4_HOST_USER": user, "S4_SSH_PORT": str(SSH_PORT)}

    def _file(self, name: str, text: str) -> str:
        path = self.folder.root / "secrets" / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            write_private(path, text)
        return str(path)
