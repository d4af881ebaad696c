"""Whatever is sent to any public route: no fault of ours, no secret, nothing reflected, nothing undocumented."""

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode

from service.web.openapi.asking import ask, fill
from service.web.openapi.document import Operation, label, operations
from service.web.openapi.served import Served

_LONGEST = 4000  # characters; much longer heads are refused by aiohttp itself (see test_heads.py)
WHO = ("stranger", "visitor", "member")
_EVERYTHING = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much]
_EVERYTHING += [HealthCheck.data_too_large]
FEW = settings(
    max_examples=6,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=_EVERYTHING,
    phases=[Phase.generate],
)
MANY = settings(FEW, max_examples=40, derandomize=False, phases=[Phase.generate, Phase.shrink])


def takes_anything(operation: Operation) -> bool:
    """Whether there is something to get wrong."""
    return bool(operation.body or any(operation.iter_parameters()))


TRIED = [
    *((GenerationMode.NEGATIVE, each) for each in operations() if takes_anything(each)),
    *((GenerationMode.POSITIVE, each) for each in operations()),
]


def is_sendable(case: Case[Any]) -> bool:
    """What no client can send, or what clients turn into another address, says nothing of the site."""
    segments = [str(value) for value in (case.path_parameters or {}).values()]
    is_one_place = all(segment.strip("./") and "/" not in segment for segment in segments)
    return is_one_place and len(quote(f"{case.query}{segments}{case.headers}{case.cookies}")) < _LONGEST


def explore(operation: Operation, world: Served, data: st.DataObject, mode: GenerationMode) -> None:
    case = data.draw(operation.as_strategy(generation_mode=mode))
    assume(is_sendable(case))
    who = data.draw(st.sampled_from(WHO))
    if data.draw(st.booleans() if who == "member" else st.sampled_from([True, True, False])):
        fill(case, world, own=data.draw(st.booleans()), token=data.draw(st.sampled_from(world.tokens())))
    world.signed_in()
    ask(case, world, who)


@pytest.mark.parametrize("operation", operations(), ids=label)
@FEW
@given(data=st.data())
def test_what_the_document_allows_is_answered_as_it_says(
    operation: Operation, world: Served, data: st.DataObject
) -> None:
    explore(operation, world, data, GenerationMode.POSITIVE)


@pytest.mark.parametrize("operation", [each for each in operations() if takes_anything(each)], ids=label)
@FEW
@given(data=st.data())
def test_what_the_document_does_not_allow_is_refused_as_it_says(
    operation: Operation, world: Served, data: st.DataObject
) -> None:
    explore(operation, world, data, GenerationMode.NEGATIVE)


@pytest.mark.parametrize(("mode", "operation"), TRIED, ids=lambda part: getattr(part, "value", None) or label(part))
@pytest.mark.long
@MANY
@given(data=st.data())
def test_however_much_is_tried(mode: GenerationMode, operation: Operation, world: Served, data: st.DataObject) -> None:
    explore(operation, world, data, mode)
