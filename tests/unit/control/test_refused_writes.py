"""What a policy or a quota refuses is tried seldom, told in the server's words, and keeps nothing else waiting."""

import itertools
import logging
from collections import Counter

import pytest

from steelyard.control.kube.errors import ApiError, Forbidden, Invalid, QuotaExceeded
from steelyard.control.kube.resource import COMPILED_MODELS, DEPLOYMENTS, INFERENCE_WORKLOADS, SERVICES
from unit.control.reconciler_stage import KEY, Stage, new_workload, serving_too_few, standing
from unit.control.virtual_time import VirtualClock, run

POLICY = 'deployments.apps "embed-a" is forbidden: ValidatingAdmissionPolicy "no" denied request: not on\n a Friday'
SAID = 'ValidatingAdmissionPolicy "no" denied request: not on a Friday'
FORBIDDEN = Forbidden(POLICY, status=403)


def test_a_refused_object_is_tried_less_and_less_often_at_last_every_five_minutes():
    async def scenario():
        clock = VirtualClock()
        stage = Stage(new_workload(), clock)
        stage.server.refuses["deployments"] = FORBIDDEN
        await stage.work(600, woken_every=0.5)
        await stage.work(3000, woken_every=5)
        tries = stage.server.tries("deployments")
        gaps = [later - earlier for earlier, later in itertools.pairwise(tries)]
        assert gaps[0] <= 2 <= gaps[2]
        assert all(later >= 1.2 * earlier for earlier, later in itertools.pairwise(gaps[:8]))
        assert all(240 <= gap <= 301 for gap in gaps[10:]), "five minutes, less up to a fifth by chance"
        assert max(Counter(int(at // 60) for at in tries if at > 600).values()) == 1
        assert len(set(gaps[10:])) > 1, "not all in step"

    run(scenario())


def test_what_is_refused_stands_in_a_condition_with_the_servers_words_and_costs_no_status_write_an_attempt():
    async def scenario():
        stage = Stage(new_workload(), VirtualClock())
        stage.server.refuses["deployments"] = FORBIDDEN
        await stage.work(600)
        for kind in ("Placed", "Ready"):
            told = stage.server.condition(kind)
            assert (told["status"], told["reason"]) == ("False", "ObjectInvalid")
            assert SAID in told["message"]
            assert "the API server refuses Deployment embed-a-" in told["message"]
        assert stage.server.taken["patch_status", "inferenceworkloads"] <= 3
        assert any(SAID.partition(":")[0] in note for note in stage.events)

    run(scenario())


def test_a_log_line_is_written_for_each_attempt_and_not_for_each_look(caplog):
    async def scenario():
        stage = Stage(new_workload(), VirtualClock())
        stage.server.refuses["deployments"] = FORBIDDEN
        with caplog.at_level(logging.WARNING):
            await stage.work(3600, woken_every=5)
        lines = [record for record in caplog.records if record.getMessage() == "a write was refused"]
        assert len(lines) == len(stage.server.tries("deployments")) < 30

    run(scenario())


@pytest.mark.parametrize("plural", ["deployments", "services", "poddisruptionbudgets", "compiledmodels"])
@pytest.mark.parametrize("answer", [FORBIDDEN, QuotaExceeded("exceeded quota: q", status=403), Invalid("spec: not so", status=422)])
def test_one_refused_kind_keeps_no_other_waiting(plural: str, answer: ApiError):
    async def scenario():
        stage = Stage(new_workload(), VirtualClock())
        stage.server.refuses[plural] = answer
        await stage.work(5)
        made = {kind for verb, kind in stage.server.taken if verb == "create"}
        assert made == {"deployments", "services", "poddisruptionbudgets", "compiledmodels"} - {plural}

    run(scenario())


@pytest.mark.parametrize("plural", ["compiledmodels", "services", "poddisruptionbudgets"])
def test_what_serves_is_scaled_up_first_whatever_else_is_refused(plural: str):
    async def scenario():
        stage = Stage(serving_too_few(), VirtualClock())
        standing(stage)
        stage.server.refuses[plural] = QuotaExceeded(f"exceeded quota: q, requested: count/{plural}=1", status=403)
        await stage.reconciler.reconcile(KEY)
        writes = [(verb, kind) for _, verb, kind in stage.server.asked if kind != INFERENCE_WORKLOADS.plural]
        assert writes[0] == ("scale", "deployments")
        assert stage.server.taken["scale", "deployments"] == 1
        assert stage.server.tries(plural), "it was tried too"

    run(scenario())


def test_a_refused_compiled_model_is_told_where_compiles_are():
    async def scenario():
        stage = Stage(new_workload(), VirtualClock())
        stage.server.refuses["compiledmodels"] = QuotaExceeded("exceeded quota: q, requested: count/compiledmodels=1", status=403)
        await stage.work(30)
        told = stage.server.condition("Compiled")
        assert (told["status"], told["reason"]) == ("False", "ObjectInvalid")
        assert "refuses CompiledModel" in told["message"] and "exceeded quota: q" in told["message"]

    run(scenario())


def test_once_it_is_taken_the_condition_goes_and_the_next_refusal_is_the_first():
    async def scenario():
        stage = Stage(new_workload(), VirtualClock())
        stage.server.refuses["deployments"] = FORBIDDEN
        await stage.work(900)
        del stage.server.refuses["deployments"]
        await stage.work(330)
        assert stage.server.taken["create", "deployments"] == 1
        assert stage.server.condition("Placed")["reason"] != "ObjectInvalid"
        stage.server.refuses["deployments"] = FORBIDDEN
        for deployment in stage.store.all(DEPLOYMENTS):
            stage.store.observe(DEPLOYMENTS, "DELETED", deployment)
        before = len(stage.server.tries("deployments"))
        await stage.work(60)
        first, second, *_ = stage.server.tries("deployments")[before:]
        assert second - first <= 2, "as soon as the very first time"

    run(scenario())


def test_a_changed_spec_is_tried_at_once():
    async def scenario():
        stage = Stage(new_workload(), VirtualClock())
        stage.server.refuses["deployments"] = FORBIDDEN
        await stage.work(900)
        before = len(stage.server.tries("deployments"))
        stage.server.workload["metadata"]["generation"] = 2
        await stage.reconciler.reconcile(KEY)
        assert len(stage.server.tries("deployments")) == before + 1

    run(scenario())


def test_the_store_holds_what_was_made_beside_a_refusal():
    async def scenario():
        stage = Stage(new_workload(), VirtualClock())
        stage.server.refuses["deployments"] = FORBIDDEN
        await stage.work(60)
        assert stage.store.count(SERVICES) == 2
        assert stage.store.count(COMPILED_MODELS) == 1
        assert stage.server.taken["create", "services"] == 2

    run(scenario())
