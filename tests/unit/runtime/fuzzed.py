"""A server asked whatever its own description allows and forbids."""

from collections.abc import Callable

import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.core.failures import Failure, FailureGroup

from patience import PATIENCE
from unit.runtime.server_process import ServerProcess


def answers(server: ServerProcess, operations: int, fit: Callable[[schemathesis.Case], schemathesis.Case]) -> dict[int, int]:
    """Ask 200 times at all of so many operations, half of it what the description forbids, and return how often each status was answered; each
    answer is as the description says. `fit` makes what a schema cannot say true of a request that it allows."""
    schema = schemathesis.openapi.from_url(f"{server.url}/openapi.json", timeout=PATIENCE)
    found = [each.ok() for each in schema.get_all_operations()]
    assert len(found) == operations
    allowed = st.one_of(*(each.as_strategy() for each in found)).map(fit)
    forbidden = st.one_of(
        *(each.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE) for each in found if each.method.upper() == "POST")
    )
    answered: dict[int, int] = {}

    def ask(case: schemathesis.Case) -> None:
        try:
            response = case.call_and_validate(timeout=PATIENCE)
        except (Failure, FailureGroup) as error:
            raise AssertionError(str(error)) from error
        answered[response.status_code] = answered.get(response.status_code, 0) + 1

    # Each alone: which of two is drawn how often would differ with every change of the code that Hypothesis takes constants from.
    half = settings(max_examples=100, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))(ask)
    for cases in (allowed, forbidden):
        given(cases)(half)()
    assert server.process.poll() is None
    assert server.probe("/readyz") == 200
    return answered
