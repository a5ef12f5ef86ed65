"""The operator with the account, the roles and the admission policies that the chart gives it, and no more: all of a move is allowed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from chart.helm import outlasting, rendered
from cluster.bearer import token_of
from fault.meanwhile import meanwhile
from fault.move_run import SOON, MoveRun
from stub.cluster_autoscaler import ClusterAutoscaler
from stub.operator_process import config

pytestmark = pytest.mark.apiserver


@contextmanager
def account_of_the_chart(run: MoveRun, **values: Any) -> Iterator[Path]:
    """A kubeconfig of the operator's account, of a release in the run's namespace that works there alone. values: further ones of the chart."""
    cluster, parts = run.cluster, {"ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}
    parts |= {"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}
    values = {"config": config(run.namespace), "crds": {"install": False}, "rbac": {"aggregate": False}, **values}
    made = [one for one in rendered(values, namespace=run.namespace) if one["kind"] in parts]
    with ExitStack() as stack:
        for one in outlasting(made, run.namespace):
            stack.callback(cluster.kubectl, "delete", *one, "--wait=false")
        cluster.apply(yaml.safe_dump_all(made))
        yield cluster.kubeconfig_with_token(token_of(cluster, run.namespace, "steelyard"), run.namespace)


@meanwhile
def test_a_move_needs_no_more_than_what_the_chart_allows(a_move):
    run = a_move(small=True, rebalancing={"exploration": {"budget": "5.00", "deadlineSeconds": 300, "probe": "Always"}})
    with account_of_the_chart(run) as kubeconfig:
        run.start_operator(kubeconfig=kubeconfig)
        run.apply()
        run.until_moved()
        run.delete()
        run.until("its CompiledModels to go", lambda _: not run.listed("steelyard.dev/v1alpha1/compiledmodels"), SOON)
        account = f"system:serviceaccount:{run.namespace}:steelyard"
        mine = run.audit.events(lambda e: e.user == account)
        assert {(e.verb, e.resource) for e in mine if e.code == 201} >= {("create", "deployments"), ("create", "jobs")}
        assert run.world.probes, "it was probed too"
        assert [(e.verb, e.resource, e.code) for e in mine if e.code in {401, 403, 422}] == []
        run.end_operators()


@meanwhile
def test_nor_does_one_that_asks_cluster_autoscaler_first(a_move):
    run = a_move(small=True, ask="CheckCapacity")
    allowed = config(run.namespace, clusterAutoscaler={"provisioningRequests": True})
    with account_of_the_chart(run, config=allowed) as kubeconfig, ClusterAutoscaler(run.cluster, run.namespace, 8) as autoscaler:
        run.start_operator(kubeconfig=kubeconfig, clusterAutoscaler=allowed["clusterAutoscaler"])
        run.apply()
        run.until_moved()
        account = f"system:serviceaccount:{run.namespace}:steelyard"
        mine = run.audit.events(lambda e: e.user == account)
        asked = {(e.verb, e.resource) for e in mine if e.code < 300 and e.resource in {"provisioningrequests", "podtemplates"}}
        assert asked >= {(verb, kind) for verb in ("create", "delete") for kind in ("provisioningrequests", "podtemplates")}
        assert [(e.verb, e.resource, e.code) for e in mine if e.code in {401, 403, 422}] == []
        assert autoscaler.standing() == []
        run.end_operators()
