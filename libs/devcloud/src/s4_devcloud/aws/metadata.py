"""The instance metadata service, version 2: a Unix socket per instance, which its machine sees as an address."""

import asyncio
import json
import secrets
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from aiohttp import web

from s4_devcloud.aws.fleet import user_data_of

TOKEN_HEADER = "X-aws-ec2-metadata-token"  # noqa: S105  the name of a header
TTL_HEADER = "X-aws-ec2-metadata-token-ttl-seconds"
LONGEST_TTL = 21_600  # seconds, as documented for IMDSv2
CREDENTIALS_SECONDS = 3_600

Tree = dict[str, Any]


class MetadataService:
    """Opens and shuts the sockets from any thread; requests are served on the loop it was made with."""

    def __init__(self, folder: Path, loop: asyncio.AbstractEventLoop) -> None:
        self._folder, self._loop = folder, loop
        self._runners: dict[str, web.AppRunner] = {}
        folder.mkdir(parents=True, exist_ok=True)
        for leftover in folder.iterdir():
            leftover.unlink()

    def open(self, instance: Any) -> Path:
        """The socket on which this instance's metadata is answered."""
        path: Path = self._folder / instance.id[-12:]
        path.unlink(missing_ok=True)
        self._submit(self._open(instance, path)).result()
        return path

    def shut(self, instance_id: str) -> None:
        """Nothing answers for this instance any more."""
        if runner := self._runners.pop(instance_id, None):
            self._submit(runner.cleanup())

    def _submit(self, work: Any) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _open(self, instance: Any, path: Path) -> None:
        runner = web.AppRunner(application(instance), access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.UnixSite(runner, str(path)).start()
        self._runners[instance.id] = runner


def application(instance: Any) -> web.Application:
    """The service as one instance sees it."""
    tokens: dict[str, float] = {}

    async def token(request: web.Request) -> web.Response:
        ttl = request.headers.get(TTL_HEADER, "")
        if "X-Forwarded-For" in request.headers:
            raise web.HTTPForbidden
        if not ttl.isdigit() or not 1 <= int(ttl) <= LONGEST_TTL:
            raise web.HTTPBadRequest
        made = secrets.token_urlsafe(40)
        tokens[made] = time.monotonic() + int(ttl)
        return web.Response(text=made, headers={TTL_HEADER: ttl})

    async def read(request: web.Request) -> web.Response:
        if instance.metadata_options.http_endpoint == "disabled":
            raise web.HTTPForbidden
        if tokens.get(request.headers.get(TOKEN_HEADER, ""), 0.0) < time.monotonic():
            raise web.HTTPUnauthorized
        found = await asyncio.to_thread(_look_up, instance, request.match_info["path"])
        if found is None:
            raise web.HTTPNotFound
        return web.Response(body=found, content_type="text/plain")

    app = web.Application()
    app.router.add_put("/latest/api/token", token)
    app.router.add_get("/latest/{path:.*}", read)
    return app


def _look_up(instance: Any, path: str) -> bytes | None:
    """A leaf's content, a folder's listing, or None."""
    at: Any = tree(instance)
    for part in [part for part in path.split("/") if part]:
        if not isinstance(at, dict) or part not in at:
            return None
        at = at[part]
    if callable(at):
        at = at()
    if isinstance(at, dict):
        return "\n".join(f"{name}/" if isinstance(at[name], dict) else name for name in sorted(at)).encode()
    return at if isinstance(at, bytes) else str(at).encode()


def tree(instance: Any) -> Tree:
    """Everything that the service knows of an instance; folders are dicts, and what is made on demand is callable."""
    meta: Tree = {
        "ami-id": instance.image_id,
        "hostname": instance.private_dns_name,
        "instance-id": instance.id,
        "instance-type": instance.instance_type,
        "local-hostname": instance.private_dns_name,
        "local-ipv4": instance.private_ip,
        "placement": {"availability-zone": instance.placement.zone, "region": instance.region_name},
        "reservation-id": "",
        "security-groups": "\n".join(group.name for group in instance.security_groups),
        "services": {"domain": "amazonaws.com", "partition": "aws"},
    }
    if instance.public_ip:
        meta |= {"public-ipv4": instance.public_ip, "public-hostname": instance.public_dns_name or ""}
    if key := instance.ec2_backend.key_pairs.get(instance.key_name):
        material = key.material_public
        meta["public-keys"] = {"0": {"openssh-key": material.decode() if isinstance(material, bytes) else material}}
    if roles := _roles(instance):
        named = {role.name: (lambda role=role: _credentials(instance, role)) for role in roles}
        meta["iam"] = {"security-credentials": named, "info": lambda: _profile(instance)}
    identity = {"document": lambda: _identity_document(instance)}
    found: Tree = {"meta-data": meta, "dynamic": {"instance-identity": identity}}
    if user_data := user_data_of(instance):
        found["user-data"] = user_data
    return found


def _association(instance: Any) -> Any:
    return instance.ec2_backend.iam_instance_profile_associations.get(instance.id)


def _roles(instance: Any) -> list[Any]:
    association = _association(instance)
    return list(association.iam_instance_profile.roles) if association else []


def _profile(instance: Any) -> str:
    profile = _association(instance).iam_instance_profile
    described = {"Code": "Success", "InstanceProfileArn": profile.arn, "InstanceProfileId": profile.id}
    return json.dumps({**described, "LastUpdated": _stamp(time.time())})


def _credentials(instance: Any, role: Any) -> str:
    """Credentials of the role that the emulated services accept, made by its STS."""
    from moto.sts.models import sts_backends

    assumed = sts_backends[instance.owner_id]["aws"].assume_role(
        region_name=instance.region_name,
        role_session_name=instance.id,
        role_arn=role.arn,
        policy="",
        duration=CREDENTIALS_SECONDS,
        external_id="",
    )
    now = time.time()
    return json.dumps(
        {
            "Code": "Success",
            "LastUpdated": _stamp(now),
            "Type": "AWS-HMAC",
            "AccessKeyId": assumed.access_key_id,
            "SecretAccessKey": assumed.secret_access_key,
            "Token": assumed.session_token,
            "Expiration": _stamp(now + CREDENTIALS_SECONDS),
        }
    )


def _identity_document(instance: Any) -> str:
    return json.dumps(
        {
            "accountId": instance.owner_id,
            "architecture": instance.architecture,
            "availabilityZone": instance.placement.zone,
            "imageId": instance.image_id,
            "instanceId": instance.id,
            "instanceType": instance.instance_type,
            "pendingTime": instance.launch_time.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "privateIp": instance.private_ip,
            "region": instance.region_name,
            "version": "2017-09-30",
        }
    )


def _stamp(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
