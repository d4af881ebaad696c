"""What the host is told about a grid: everything by which the two nodes are themselves. Pure."""

from ipaddress import IPv4Address

import msgspec

from s4_aws.sessions import Session
from s4_contracts.ids import GridId
from s4_provisioner.drivers.contract import lent
from s4_provisioner.identity import Identity
from s4_provisioner.names import nickname


def location(name: str, port: int, address: IPv4Address | None) -> str:
    """Where a node says that it is: its name first, then, if given, the host's address as a second hint."""
    return f"tcp:{name}:{port}" + (f",tcp:{address}:{port}" if address else "")


def furl(tub_id: str, where: str, swissnum: str) -> str:
    """A Foolscap URL (Foolscap, "Using FURLs"): who, where, and the unguessable name of what is there."""
    return f"pb://{tub_id}@{where}/{swissnum}"


class Whereabouts(msgspec.Struct, frozen=True):
    """Where clients find a grid: by name, and by address too where the name may not be known."""

    name: str
    port: int
    address: IPv4Address | None

    @property
    def introducer(self) -> str:
        """The introducer's location."""
        return location(self.name, self.port, self.address)

    @property
    def storage(self) -> str:
        """The storage server's location, at the next port."""
        return location(self.name, self.port + 1, self.address)


def customers_furl(identity: Identity, where: Whereabouts) -> str:
    """The capability that the customer pays for."""
    return furl(identity.introducer.tub_id, where.introducer, identity.introducer.swissnum)


class Shares(msgspec.Struct, frozen=True, kw_only=True):
    """Where the grid's shares go, and with what right; without an endpoint it is Amazon's."""

    bucket: str
    region: str
    endpoint: str | None
    quota_bytes: int | None
    session: Session


def apply_payload(
    grid: GridId, identity: Identity, where: Whereabouts, shares: Shares, *, announced_from: int, shard: str | None
) -> bytes:
    """The standard input of ``s4-host apply``. Secret. The same arguments give the same bytes."""
    introducer_furl = customers_furl(identity, where)
    storage_furl = furl(identity.storage.tub_id, where.storage, identity.storage.swissnum)
    payload = {
        "grid_id": grid,
        "shard": shard,
        "introducer": {
            "port": where.port,
            "location": where.introducer,
            "files": {
                "private/node.pem": identity.introducer.pem,
                "private/introducer.furl": f"{introducer_furl}\n",
            },
        },
        "storage": {
            "port": where.port + 1,
            "location": where.storage,
            "nickname": nickname(grid),
            "files": {
                "private/node.pem": identity.storage.pem,
                "private/node.privkey": f"{identity.announcement_key}\n",
                "private/storage.furl": f"{storage_furl}\n",
                "announcement-seqnum": f"{announced_from}\n",
            },
            "introducer_furl": introducer_furl,
            "s3": {
                "bucket": shares.bucket,
                "prefix": "",
                "region": shares.region,
                "endpoint": shares.endpoint or "",
            },
            "credentials": lent(shares.session),
            "quota_bytes": shares.quota_bytes,
        },
    }
    return msgspec.json.encode(payload)
