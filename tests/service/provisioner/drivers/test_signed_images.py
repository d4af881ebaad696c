"""Machines boot images that we signed, and no others."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from s4_aws.clients import open_clients
from s4_aws.machines import Machines
from s4_cli.__main__ import main
from s4_ops.images.keys import SigningKey
from s4_provisioner import ports
from s4_provisioner.drivers import signed_images
from s4_provisioner.drivers.ec2 import Ec2Hosts
from s4_provisioner.drivers.signed_images import ImageUnsigned
from s4_provisioner.ssh import Ssh
from s4_runtime import Permanent, SystemClock
from support.grid_cloud import REGION, Cloud
from support.provisioner import some_settings


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A key that signs, beside its public half."""
    monkeypatch.setenv("S4_SIGNING_PASSPHRASE", "correct horse")
    assert main(["images", "keygen", str(tmp_path / "release")]) == 0
    return tmp_path / "release.key"


@asynccontextmanager
async def hosts(cloud: Cloud, keys: str) -> AsyncIterator[Ec2Hosts]:
    """The driver of a provisioner that was given these public keys."""
    settings = some_settings("postgresql://nowhere", cloud, machine_image_keys=keys)
    async with open_clients(REGION, cloud.endpoint) as clients:
        ssh = Ssh(settings.ssh_key, settings.host_user, settings.ssh_port)
        ways = ports.read(settings.grid_ports)
        yield Ec2Hosts(Machines(clients.ec2), ssh=ssh, settings=settings, ports=ways, clock=SystemClock())


@pytest.fixture
def tagged(cloud: Cloud) -> Iterator[list[str]]:
    """The id and name of the image that machines boot; its tag is taken away afterwards."""
    ec2, pattern = cloud.client("ec2"), some_settings("postgresql://nowhere", cloud).ami_name
    found = ec2.describe_images(Owners=["self"], Filters=[{"Name": "name", "Values": [pattern]}])["Images"]
    newest = max(found, key=lambda image: (image["CreationDate"], image["ImageId"]))
    yield [newest["ImageId"], newest["Name"]]
    ec2.delete_tags(Resources=[newest["ImageId"]], Tags=[{"Key": "s4:signature"}])


async def launchable(cloud: Cloud, keys: str) -> str:
    """The image that a machine would be started from."""
    async with hosts(cloud, keys) as driver:
        image, _ = await driver.common(some_settings("postgresql://nowhere", cloud).ami_name)
        return image.id


async def test_an_image_that_we_signed_is_booted(
    cloud: Cloud, tagged: list[str], key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["images", "sign-machine", *tagged, "--key", str(key)]) == 0
    signature = capsys.readouterr().out.strip()
    tags = [{"Key": "s4:signature", "Value": signature}]
    await asyncio.to_thread(cloud.client("ec2").create_tags, Resources=tagged[:1], Tags=tags)

    assert await launchable(cloud, key.with_suffix(".pub").read_text()) == tagged[0]


@pytest.mark.parametrize("signature", [None, "", "bm8=", "of another key", "of another image"])
async def test_an_image_that_we_did_not_sign_is_not_booted(
    cloud: Cloud, tagged: list[str], signature: str | None
) -> None:
    ours = SigningKey.new()
    meant = {
        "of another key": SigningKey.new().sign(signed_images.said(*tagged)),
        "of another image": ours.sign(signed_images.said("ami-0", tagged[1])),
    }
    if signature is not None:
        tags = [{"Key": "s4:signature", "Value": meant.get(signature, signature)}]
        await asyncio.to_thread(cloud.client("ec2").create_tags, Resources=tagged[:1], Tags=tags)

    with pytest.raises(ImageUnsigned, match="machine-image-unsigned"):
        await launchable(cloud, ours.public.pem)


async def test_while_a_key_is_replaced_both_are_good(cloud: Cloud, tagged: list[str]) -> None:
    former, new = SigningKey.new(), SigningKey.new()
    tags = [{"Key": "s4:signature", "Value": former.sign(signed_images.said(*tagged))}]
    await asyncio.to_thread(cloud.client("ec2").create_tags, Resources=tagged[:1], Tags=tags)

    assert await launchable(cloud, new.public.pem + former.public.pem) == tagged[0]


@pytest.mark.parametrize("text", ["a key", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"])
def test_a_key_that_cannot_be_read_stops_the_start(text: str) -> None:
    with pytest.raises(Permanent, match="machine-image-key-unreadable"):
        signed_images.keys(text)
