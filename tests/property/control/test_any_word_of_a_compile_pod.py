"""A compile pod reads models that nobody has checked. Whatever it says, the pass over its CompiledModel ends with a status that is taken."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from property.effort import effort
from steelyard.control.gather.compile_job import end_of
from steelyard.core.compiling.attempt import Attempts, next_attempt
from steelyard.core.compiling.readiness import readiness
from steelyard.core.decide_compile import CompileDecision, CompileVerdict
from steelyard.status.compiled_model import status_of
from unit.core.world import START

CRD = yaml.safe_load((Path(__file__).parents[3] / "crds/steelyard.dev_compiledmodels.yaml").read_text())
SCHEMA = CRD["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]
DIGEST = f"sha256:{'0' * 64}"

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("x" * 3000),
    lambda inside: st.lists(inside, max_size=2) | st.dictionaries(st.text(max_size=4), inside, max_size=2),
    max_leaves=4,
)
ARTIFACTS = st.fixed_dictionaries(
    {}, optional={"uri": st.just("s3://a/b") | ANYTHING, "digest": st.just(DIGEST) | ANYTHING, "sizeBytes": ANYTHING}
)
WORDS = st.fixed_dictionaries(
    {"result": st.sampled_from(["Succeeded", "Failed"])},
    optional={
        "artifact": ARTIFACTS | ANYTHING,
        "seconds": ANYTHING,
        "cached": ANYTHING,
        "accuracy": st.fixed_dictionaries({"cosineMin": st.floats(-2, 2) | ANYTHING}) | ANYTHING,
        "class": st.sampled_from(["User", "OutOfMemory"]) | ANYTHING,
        "reason": ANYTHING,
        "message": ANYTHING,
        "logTail": ANYTHING,
    },
)
PROGRESS = st.fixed_dictionaries(
    {"phase": st.sampled_from(["Fetching", "Compiling"]) | ANYTHING},
    optional={"percent": ANYTHING, "etaSeconds": ANYTHING, "lastLogLine": ANYTHING},
)
OPEN = Attempts(count=1, open=True)


def taken(attempts: Attempts, progress: Mapping[str, Any] | None) -> dict[str, Any]:
    decision = CompileDecision(
        attempts=attempts,
        start=None,
        waiting_for=None,
        ready=readiness(attempts, None),
        verdict=CompileVerdict.RUN,
        notes=(),
        ended=None,
        reconsider_at=None,
    )
    status = status_of(decision, progress, {}, "inductor-0-1", 1, START)
    jsonschema.Draft202012Validator(SCHEMA).validate(status)
    return status


@effort(300)
@given(WORDS)
@example({"result": "Succeeded", "artifact": {}})
@example({"result": "Succeeded", "artifact": {"uri": "s3://a/b", "digest": DIGEST}, "seconds": float("nan")})
def test_any_last_word_is_an_end_of_the_attempt_that_the_api_server_takes(word: dict[str, Any]) -> None:
    ended = {"terminated": {"exitCode": 0, "message": json.dumps(word)}}
    outcome = end_of({"metadata": {"name": "j"}}, {"status": {"containerStatuses": [{"state": ended}]}})
    assert outcome is not None
    after, _ = next_attempt(OPEN, outcome, START, may_start=False)
    assert not after.open
    taken(after, None)


@effort(200)
@given(PROGRESS)
def test_any_progress_is_shown_or_left_out(progress: dict[str, Any]) -> None:
    taken(OPEN, progress)
