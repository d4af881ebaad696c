"""A place that a person named, ready to be read."""

from pathlib import Path

from s4_node.s3.bucket import Bucket
from s4_node.tools.bucket_place import BucketPlace
from s4_node.tools.disk import Disk
from s4_node.tools.places import BadPlace, Readable, located


def opened(text: str) -> Readable:
    """The bucket or the directory. Raises BadPlace, also for a directory without shares."""
    place = located(text)
    if not isinstance(place, Path):
        return BucketPlace(Bucket(place.store), place.part_bytes)
    if not (place / "shares").is_dir():
        raise BadPlace(f"{place}: there are no shares in it")
    return Disk(place)
