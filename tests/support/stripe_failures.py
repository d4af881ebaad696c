"""How one call to Stripe may fail, for tests of what is asked by the same client in the same way."""

import pytest

_OTHERS = ("drop", "500", "503", "html")
# Opening a checkout has every kind in `make test`; elsewhere these do: one that was carried out, one that was not.
ONE_FAILURE = pytest.mark.parametrize(
    "kind",
    ["commit_then_timeout", "429", *(pytest.param(kind, marks=pytest.mark.long) for kind in _OTHERS)],
)
