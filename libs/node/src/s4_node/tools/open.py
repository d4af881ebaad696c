"""A place that a person named, ready to be read."""

from pathlib import Path

from s4_node.s3.bucket import Bucket
from s4_node.s3.errors import S3Error
from s4_node.settings import StorageSettings
from s4_node.tools.bucket_place import BucketPlace
from s4_node.tools.checks import HASTE, advice
from s4_node.tools.disk import Disk
from s4_node.tools.places import BadPlace, Readable, located


def opened(text: str) -> Readable:
    """The bucket or the directory. Raises BadPlace, also for a directory without shares."""
    place = located(text)
    return disk(place) if isinstance(place, Path) else BucketPlace(bucket(place), place.part_bytes)


def disk(directory: Path) -> Disk:
    """A directory that has shares. Raises BadPlace."""
    if not (directory / "shares").is_dir():
        raise BadPlace(f"{directory}: there are no shares in it")
    return Disk(directory)


def bucket(settings: StorageSettings) -> Bucket:
    """A bucket that answers. Raises S3Error, after seconds: who mistyped an address is not kept waiting."""
    Bucket(settings.store, patience=HASTE).list_page("", "", 1)
    return Bucket(settings.store)


def why(error: S3Error | OSError) -> str:
    """What went wrong, and what a person can do about it."""
    return f"{error}: {advice(error)}" if isinstance(error, S3Error) else str(error)
