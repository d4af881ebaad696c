"""Where a bucket answers, and how a key is written in its address."""

from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from s4_node.s3.values import Store

_UNRESERVED = "-_.~"  # beside letters and digits: RFC 3986, 2.3; S3 signs everything else percent-encoded


@dataclass(frozen=True)
class Address:
    """A bucket's host and the path its keys begin at."""

    scheme: str
    host: str
    port: int | None
    path: str  # begins and ends with a slash

    def target(self, key: str = "", query: str = "") -> str:
        """The request's path and query for a whole key, percent-encoded as it is signed."""
        path = self.path + quote(key, safe="/" + _UNRESERVED)
        return f"{path}?{query}" if query else path

    def url(self, target: str) -> str:
        """The same with the host."""
        port = f":{self.port}" if self.port else ""
        return f"{self.scheme}://{self.host}{port}{target}"


def address_of(store: Store) -> Address:
    """The bucket's address.

    A bucket whose name has a dot is addressed by path: no certificate covers its name as a host.
    """
    endpoint = urlsplit(store.endpoint or _amazons(store.region))
    virtual = store.addressing == "virtual" or (store.addressing == "auto" and not store.endpoint)
    base, host = endpoint.path.rstrip("/") + "/", endpoint.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    if virtual and "." not in store.bucket:
        return Address(endpoint.scheme, f"{store.bucket}.{host}", endpoint.port, base)
    return Address(endpoint.scheme, host, endpoint.port, f"{base}{store.bucket}/")


def query_text(query: dict[str, str]) -> str:
    """A query string as it is sent and signed."""
    return "&".join(f"{quote(name, safe=_UNRESERVED)}={quote(query[name], safe=_UNRESERVED)}" for name in sorted(query))


def _amazons(region: str) -> str:
    return f"https://s3.{region}.amazonaws.com" + (".cn" if region.startswith("cn-") else "")
