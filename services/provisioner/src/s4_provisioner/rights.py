"""The right of a grid's node to its bucket: sessions of the one role that all grids of the deployment have."""

import asyncio
from datetime import timedelta

from s4_aws.sessions import LONGEST, Session, Sessions
from s4_contracts.ids import GridId
from s4_provisioner import names


class Rights:
    """Sessions of one deployment. The role is made, or put right, when it is first needed."""

    def __init__(self, sessions: Sessions, deployment: str, lasting: timedelta) -> None:
        self._sessions, self._deployment, self._lasting = sessions, deployment, lasting
        self._lock = asyncio.Lock()
        self._role: str | None = None

    async def role_arn(self) -> str:
        """The role's ARN; the role may use the buckets of all grids of the deployment, and nothing else."""
        async with self._lock:
            if self._role is None:
                name, buckets = names.role(self._deployment), (names.all_buckets(self._deployment),)
                self._role = await self._sessions.ensure_role(name, buckets, {"s4:deployment": self._deployment})
            return self._role

    async def session(self, bucket: str, grid: GridId) -> Session:
        """A new session for this bucket alone, named by the grid. Raises RoleNotVisible and the errors of s4_aws."""
        return await self._sessions.session(await self.role_arn(), bucket, grid, self._lasting)

    async def reading(self, bucket: str, grid: GridId) -> Session:
        """A session for the grid's owner, that reads this bucket for an hour. Raises the same."""
        return await self._sessions.reading(await self.role_arn(), bucket, f"{grid}-export", LONGEST)
