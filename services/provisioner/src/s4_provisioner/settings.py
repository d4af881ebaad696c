"""What the provisioner is told at its start."""

from datetime import timedelta
from pathlib import Path

import msgspec

from s4_provisioner import ports
from s4_provisioner.costs import prices
from s4_provisioner.drivers import clusters, patching
from s4_provisioner.fleet import pools
from s4_provisioner.fleet.pools import Fleet, Pool
from s4_provisioner.health.settings import HealthSettings
from s4_provisioner.names import DEPLOYMENT
from s4_runtime import Secret, SettingsError, operators


class Settings(HealthSettings, frozen=True, kw_only=True):
    """Names and defaults of the S4_ variables; AWS credentials come by AWS's own chain."""

    listen: str
    service_token: Secret
    # 32 bytes in base64: opens what is sealed in the database.
    seal_key: Secret
    # An OpenSSH private key without a passphrase, and the user that the machines know by its public half.
    ssh_key: Secret
    host_user: str = "s4"
    ssh_port: int = 22
    # From where the machines' security group lets SSH in (CIDR).
    ssh_from: str = "0.0.0.0/0"

    aws_region: str
    aws_endpoint_url: str | None = None
    # The part of AWS's documented rates that is used; above 1 where the account's limits were raised.
    aws_share: float = 0.8
    ami_name: str = "s4-node-*"
    # PEM of the public keys (docs/operations/deploy.md), one after another: machines boot images that one of them
    # signed, and no others. Without it, any image of this account.
    machine_image_keys: str = ""
    instance_type: str = "t4g.small"
    disk_gib: int = 16
    # The pools of hosts and which plan is served from which, as JSON (docs/operations/grids.md); without it one pool of
    # dedicated hosts as the three lines above say.
    fleet: str = ""
    # How each region's Kubernetes cluster is reached, as JSON, for pools with the driver kubernetes
    # (docs/operations/kubernetes-grids.md).
    clusters: str = ""
    # The ports that grids have, two for each for ever. Below what Linux takes for connections of its own
    # (ip_local_port_range, from 32768).
    grid_ports: str = "10000-32767"
    # How long a node's right to its bucket lasts; renewed at half of that. AWS gives a role that takes a role no more.
    session_length: timedelta = timedelta(hours=1)
    # Grids get names below grid_domain, in the hosted zone of the name hosted_zone.
    grid_domain: str
    hosted_zone: str
    # Whether furls carry the host's address as a second hint, for clients that cannot resolve the name.
    furl_address_hint: bool = False

    probe_command: list[str] = msgspec.field(default_factory=lambda: ["s4-node", "probe"])
    probe_limit: timedelta = timedelta(seconds=90)
    # Each probe is a Tahoe-LAFS client of about 90 MB and two seconds of one processor.
    probes_at_once: int = 2

    concurrency: int = 20
    hosts_at_once: int = 50
    # A killed replica's work is taken over after this long.
    lease: timedelta = timedelta(seconds=15)
    # How long a machine may take until it lets us in, and each other wait until it counts as a failure.
    boot_limit: timedelta = timedelta(minutes=5)
    step_limit: timedelta = timedelta(minutes=2)
    # One attempt waits in its place for this long, then leaves it to others and comes back.
    patience: timedelta = timedelta(seconds=20)
    # A host whose clock differs more from ours takes no grid: S3 refuses requests that are 15 minutes off
    # (S3 API, RequestTimeTooSkewed).
    clock_skew_limit: timedelta = timedelta(minutes=5)
    # How often EC2 is asked for a starting machine's address.
    poll: timedelta = timedelta(milliseconds=250)
    # The first and the longest wait after a failure; failures and machines until a person must look.
    retry_base: timedelta = timedelta(seconds=2)
    retry_cap: timedelta = timedelta(minutes=5)
    max_attempts: int = 20
    max_relaunches: int = 3
    # Of a pool's grids so many move at once, when hosts are drained.
    moves_at_once: int = 10
    # Machines install security updates by themselves, and restart in this time of day (UTC), each at a minute of its
    # own. Empty: neither.
    reboot_window: str = "03:00-05:00"
    # A grid that was ready is kept this long after we heard of the end: a dispute or a correction may be on its way.
    kept_at_least: timedelta = timedelta(days=1)
    # Of an ended grid everything is deleted so long after its owner chose that; it may be taken back until then.
    erasure_delay: timedelta = timedelta(days=1)

    # Operators: each is named NAME:TOKEN.
    operator_listen: str = "127.0.0.1:0"
    operator_tokens: list[Secret] = []
    # A host with more grids than this is drained by two calls. A grid with more in it is deleted by two operators, and
    # so is any that one alone would delete after so many within a day.
    drain_unasked_grids: int = 10
    delete_alone_bytes: int = 10 * 2**30
    delete_alone_grids: int = 10
    # What things cost, as JSON (docs/operations/grids.md, "Costs"); without it nobody knows what a grid costs.
    prices: Path | None = None
    # A rollout moves so many grids at a time; one is not proved when its proof has failed so often, or took so long.
    rollout_at_once: int = 50
    # How often everything on the platforms is compared with what is on record, and how long what nobody owns, and what
    # holds no customer's data, is kept.
    sweep_every: timedelta = timedelta(hours=6)
    sweep_hold: timedelta = timedelta(days=7)
    rollout_proofs: int = 3
    rollout_patience: timedelta = timedelta(minutes=20)

    def __post_init__(self) -> None:
        """Raises SettingsError for a deployment that would not fit into names at AWS."""
        if not DEPLOYMENT.fullmatch(self.deployment):
            raise SettingsError(["S4_DEPLOYMENT is not 1 to 20 of a-z, 0-9 and -, beginning with a letter"])
        ports.read(self.grid_ports)
        patching.read(self.reboot_window)
        clusters.read(self.clusters)
        self.pools()
        prices.check(self.prices)
        if wrong := list(operators.problems(self.operator_tokens)):
            raise SettingsError(wrong)

    def pools(self) -> Fleet:
        """The fleet that the settings describe. Raises SettingsError."""
        usual = Pool(
            region=self.aws_region, image=self.ami_name, instance_type=self.instance_type, disk_gib=self.disk_gib
        )
        return pools.read(self.fleet, usual)
