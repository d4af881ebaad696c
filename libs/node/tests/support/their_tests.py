"""Tahoe-LAFS' own test modules."""

import importlib
from contextlib import chdir
from tempfile import TemporaryDirectory
from typing import Any


def their_tests(name: str) -> Any:
    """The module of allmydata.test. The first one begins a log in the current folder, which therefore is another."""
    with TemporaryDirectory() as folder, chdir(folder):
        return importlib.import_module(f"allmydata.test.{name}")
