"""What of Tahoe-LAFS' tests is not run is listed, with its reason, and the list has nothing that does not exist."""

import re
import unittest
from pathlib import Path

import pytest

from support.applicable import not_applicable
from support.their_tests import their_tests

HERE = Path(__file__).parent
MODULES = ("test_istorageserver", "test_storage_http", "test_storage", "test_system")
LISTED = [(module, test, reason) for module, tests in not_applicable().items() for test, reason in tests.items()]


@pytest.mark.parametrize(("module", "test", "reason"), LISTED, ids=[f"{module}-{test}" for module, test, _ in LISTED])
def test_what_is_listed_exists_and_has_a_reason(module: str, test: str, reason: str) -> None:
    owner, _, name = test.partition(".")
    found = getattr(their_tests(module), owner)
    assert issubclass(found, unittest.TestCase)
    assert not name or callable(getattr(found, name))
    assert len(reason.split()) > 3


@pytest.mark.parametrize("module", MODULES)
def test_every_class_of_tests_is_run_or_listed(module: str) -> None:
    theirs = their_tests(module)
    classes = {
        name
        for name, found in vars(theirs).items()
        if isinstance(found, type) and issubclass(found, unittest.TestCase) and found.__module__ == theirs.__name__
    }
    ours = (HERE / f"test_tahoe_{module.removeprefix('test_')}.py").read_text(encoding="utf-8")
    listed = {test for test in not_applicable().get(module, {}) if "." not in test}
    assert classes
    assert {name for name in classes if not re.search(rf"\b{name}\b", ours)} == listed
