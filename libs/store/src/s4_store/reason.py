"""Why the database refuses us, with what an operator needs to mend it."""

from urllib.parse import parse_qs, urlsplit

from s4_runtime import Secret, Temporary
from s4_runtime.certificates import since
from s4_store.errors import DatabaseUnavailable


async def explained(trouble: Temporary, url: Secret) -> Temporary:
    """The same trouble, with the name of the database, or with whose certificate is over since when."""
    at = urlsplit(url.reveal())
    if trouble.code == "database-missing":
        return DatabaseUnavailable(trouble.code, database=at.path.strip("/"))
    if trouble.code != "database-certificate-expired":
        return trouble
    host, port = at.hostname or "", at.port or 5432
    authority = parse_qs(at.query).get("sslrootcert", [None])[0]
    over = await since(host, port, authority, "postgresql")
    return DatabaseUnavailable(trouble.code, host=host, port=port, **over)
