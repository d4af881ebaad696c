"""What tests of the storage server's parts begin with: a grid's slots, or a place where uploads arrive."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from s4_node.s3.values import Store
from support.s3_control import S3Control
from support.slot_grid import Node, SlotGrid, a_slot_grid
from support.uploading import Dock, a_dock


@pytest.fixture
def grid(store: Store, tmp_path: Path) -> Iterator[SlotGrid]:
    with a_slot_grid(store, tmp_path) as grid:
        yield grid


@pytest.fixture
def node(grid: SlotGrid) -> Node:
    return grid.node()


@pytest.fixture
def dock(store: Store, tmp_path: Path, s3_control: S3Control) -> Iterator[Dock]:
    with a_dock(store, tmp_path) as dock:
        yield dock


@pytest.fixture
def hasty(store: Store, tmp_path: Path, s3_control: S3Control) -> Iterator[Dock]:
    """A dock whose bucket gives up soon."""
    with a_dock(store, tmp_path, patience=0.4) as dock:
        yield dock
