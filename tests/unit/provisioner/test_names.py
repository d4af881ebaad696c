import re

import pytest

from s4_contracts.ids import GridId, HostId
from s4_provisioner import names
from s4_runtime import derived_id

GRID = GridId("0192f0a1-7c3d-5b2e-9f10-8a1b2c3d4e5f")
OTHER = GridId("0192f0a1-7c3d-5b2e-9f10-8a1b2c3d4e60")
HOST = HostId("6f8f57b3-2b0f-5f57-a4f0-2cf5f7d6a111")
LONGEST = "a" * 20


@pytest.mark.parametrize("text", ["local", "staging-2", "a", "s4", LONGEST])
def test_a_deployment_is_a_short_label(text: str) -> None:
    assert names.DEPLOYMENT.fullmatch(text)


@pytest.mark.parametrize("text", ["", "Local", "2nd", "-a", "a-", "a_b", "a.b", LONGEST + "a"])
def test_a_deployment_that_would_break_names_at_aws_is_refused(text: str) -> None:
    assert not names.DEPLOYMENT.fullmatch(text)


def test_the_longest_bucket_name_is_one_that_s3_takes() -> None:
    name = names.bucket(LONGEST, GRID)

    assert len(name) <= 63
    assert re.fullmatch("[a-z0-9][a-z0-9-]+[a-z0-9]", name)
    assert GRID in name


def test_the_longest_role_name_is_one_that_iam_takes() -> None:
    assert len(names.role(LONGEST)) <= 64


def test_a_dns_name_is_the_grids_own_and_a_valid_label() -> None:
    label, _, domain = names.dns_name(GRID, "grids.example.test").partition(".")

    assert re.fullmatch("g[a-z2-7]{26}", label)
    assert domain == "grids.example.test"
    assert names.dns_name(OTHER, "grids.example.test") != names.dns_name(GRID, "grids.example.test")


def test_tags_are_opaque_ids() -> None:
    assert names.host_tags("local", HOST, "shared") == {
        "s4:deployment": "local",
        "s4:host": HOST,
        "s4:pool": "shared",
    }
    assert names.tags("local", GRID) == {"s4:deployment": "local", "s4:grid": GRID}


def test_two_grids_have_two_nicknames() -> None:
    grids = {GridId(derived_id("grid", str(number))) for number in range(50)}

    assert len({names.nickname(grid) for grid in grids}) == 50


def test_a_claim_reference_names_the_grid_and_the_furls_generation() -> None:
    assert names.claim_ref(GRID, 3) == f"{GRID}:3"
