"""The root filesystem that instances boot: baked once, kept by the hash of what went into it."""

from s4_devcloud.image.shelf import Image, ImageMissing, Kind

__all__ = ["Image", "ImageMissing", "Kind"]
