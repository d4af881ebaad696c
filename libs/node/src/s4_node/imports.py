"""Tahoe-LAFS, imported as fast as it can be."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Nothing is garbage collected meanwhile, and what was made meanwhile never is.

    The imports make some 900 modules that live for ever: looking for garbage among them costs a tenth of the start.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
