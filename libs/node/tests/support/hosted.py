"""Grids as a host is told to serve them: with their shares in a bucket, with lent credentials, in a shard."""

import json
from datetime import UTC, datetime, timedelta

from commands import a_grid
from minting import Grid
from s4_node.s3.values import Store
from support.s3_control import S3Control

HOUR = timedelta(hours=1)


def in_the_bucket(store: Store, grid: Grid | None = None, *, shard: str | None = None, **changes: object) -> Grid:
    """The grid, with its shares in that bucket; `changes` are of the storage server's part."""
    grid = grid or a_grid()
    s3 = {"bucket": store.bucket, "prefix": "", "region": store.region, "endpoint": store.endpoint}
    fields = json.loads(json.dumps(grid.specification))
    fields["storage"] |= {"s3": s3, **changes}
    return Grid(grid.grid_id, grid.introducer_furl, fields | {"shard": shard})


def session(number: int, valid: timedelta = HOUR) -> dict[str, str]:
    """Credentials as STS would hand them out, each number others."""
    return {
        "access_key_id": f"ASIASESSION{number:08d}",
        "secret_access_key": f"secret/of+session-{number}",
        "session_token": f"token/of+session-{number}==",
        "expires_at": (datetime.now(UTC) + valid).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def known(s3_control: S3Control, lent: dict[str, str], state: str = "valid") -> dict[str, str]:
    """The same session, of which S3 knows that it is valid, expired or revoked."""
    token = lent["session_token"]
    s3_control.credential(lent["access_key_id"], lent["secret_access_key"], session_token=token, state=state)
    return lent
