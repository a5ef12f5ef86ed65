"""Whatever the values are, these things hold of what is rendered."""

import base64
import json
import re
from dataclasses import replace
from functools import cache
from itertools import product

import kubernetes.client.models as k8s
import pytest
import yaml
from cryptography import x509

from chart.helm import CHART, NAMESPACE, HelmRefusedError, of_kind, rendered, run, the
from chart.rendering import example_workloads, objects_of, settings_with
from chart.values import EVERYTHING, MATRIX
from steelyard.app.config import load
from steelyard.render import compile_job, deployment, probe_job

GOLDEN = CHART.parents[1] / "tests/chart/golden"

CLUSTER_SCOPED = {
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
}
STRICT = {
    "ClusterRole": k8s.V1ClusterRole,
    "ClusterRoleBinding": k8s.V1ClusterRoleBinding,
    "ConfigMap": k8s.V1ConfigMap,
    "CustomResourceDefinition": k8s.V1CustomResourceDefinition,
    "Deployment": k8s.V1Deployment,
    "NetworkPolicy": k8s.V1NetworkPolicy,
    "PodDisruptionBudget": k8s.V1PodDisruptionBudget,
    "Role": k8s.V1Role,
    "Secret": k8s.V1Secret,
    "RoleBinding": k8s.V1RoleBinding,
    "Service": k8s.V1Service,
    "ServiceAccount": k8s.V1ServiceAccount,
    "ValidatingAdmissionPolicy": k8s.V1ValidatingAdmissionPolicy,
    "ValidatingAdmissionPolicyBinding": k8s.V1ValidatingAdmissionPolicyBinding,
}
FOREIGN = {"ServiceMonitor", "PrometheusRule"}


SCALER = ["--external-scaler", "--external-scaler-certificate", "/etc/steelyard-scaler", "--external-scaler-client-certificates"]
"""What the operator is told where all of KEDA's door is asked for."""


@cache
def _rendered(case):
    return json.dumps(rendered(MATRIX[case]))


@pytest.fixture(params=list(MATRIX))
def case(request):
    return request.param


@pytest.fixture
def objects(case):
    return json.loads(_rendered(case))


def _pod(objects):
    return the(objects, "Deployment")["spec"]["template"]


def test_helm_lint_finds_nothing(case):
    run("lint", "--strict", str(CHART), values=MATRIX[case])


def test_the_api_knows_every_field(objects):
    for one in objects:
        if one["kind"] not in FOREIGN:
            STRICT[one["kind"]].model_validate(one)


def test_every_object_is_labelled_and_in_its_place(objects):
    seen = set()
    for one in objects:
        meta = one["metadata"]
        assert ("namespace" in meta) == (one["kind"] not in CLUSTER_SCOPED), meta["name"]
        key = one["kind"], meta.get("namespace"), meta["name"]
        assert key not in seen
        seen.add(key)
        if one["kind"] != "CustomResourceDefinition" and meta["name"] != "extra":
            labels = meta["labels"]
            assert labels["app.kubernetes.io/part-of"] == "steelyard"
            assert labels["app.kubernetes.io/component"] == "operator"
            assert labels["app.kubernetes.io/instance"] == "steelyard"
            # By `managed-by: steelyard` the operator knows its own children: it must never take itself for one.
            assert labels["app.kubernetes.io/managed-by"] == "Helm"


def _is_of_the_release(one):
    return one["metadata"]["namespace"] == NAMESPACE


def _service_of_metrics(objects):
    [service] = [s for s in of_kind(objects, "Service") if s["metadata"]["name"].endswith("-metrics")]
    return service


def test_every_selector_selects_the_pods_of_the_operator(objects):
    deployment = the(objects, "Deployment")
    labels = _pod(objects)["metadata"]["labels"]
    selector = deployment["spec"]["selector"]["matchLabels"]
    services = of_kind(objects, "Service")
    selectors = [selector, *(service["spec"]["selector"] for service in services)]
    selectors += [budget["spec"]["selector"]["matchLabels"] for budget in of_kind(objects, "PodDisruptionBudget")]
    selectors += [
        policy["spec"]["podSelector"]["matchLabels"] for policy in of_kind(objects, "NetworkPolicy") if _is_of_the_release(policy)
    ]
    for found in selectors:
        assert found == selector
        assert found.items() <= labels.items()
    assert labels["app.kubernetes.io/managed-by"] != "steelyard"
    [monitor] = of_kind(objects, "ServiceMonitor") or [None]
    if monitor:
        assert monitor["spec"]["selector"]["matchLabels"].items() <= _service_of_metrics(objects)["metadata"]["labels"].items()


def test_the_pod_is_restricted(objects):
    spec = _pod(objects)["spec"]
    assert spec["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "runAsGroup": 65532,
        "fsGroup": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    [container] = spec["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & set(spec)
    assert {kind for volume in spec["volumes"] for kind in volume if kind != "name"} <= {"configMap", "emptyDir", "secret"}
    for line in container["env"]:
        assert set(line) == {"name", "valueFrom"}, "no value of an installation stands in the environment"
    assert not [port for port in container["ports"] if "hostPort" in port]
    assert {"memory", "ephemeral-storage"} <= set(container["resources"]["limits"])
    assert {"cpu", "memory", "ephemeral-storage"} <= set(container["resources"]["requests"])
    assert all("sizeLimit" in volume["emptyDir"] for volume in spec["volumes"] if "emptyDir" in volume)
    assert container["imagePullPolicy"] in {"IfNotPresent", "Always"}


def test_the_token_is_mounted_where_it_is_needed_only(objects):
    assert _pod(objects)["spec"]["automountServiceAccountToken"] is True
    for account in of_kind(objects, "ServiceAccount"):
        assert account["automountServiceAccountToken"] is False


def test_the_pod_is_probed_and_ends_in_order(case, objects):
    spec = _pod(objects)["spec"]
    [container] = spec["containers"]
    assert container["startupProbe"]["httpGet"] == container["livenessProbe"]["httpGet"] == {"path": "/livez", "port": "http"}
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "http"}
    secured = case != "nothing optional"
    scaled = case == "everything"
    ports = {"http": 8080, **({"https": 8443} if secured else {}), **({"grpc": 8090, "grpc-expander": 8091} if scaled else {})}
    assert container["ports"] == [{"name": name, "containerPort": port, "protocol": "TCP"} for name, port in ports.items()]
    certificate = ["--metrics-certificate", "/etc/steelyard-metrics"] if secured else []
    assert container["args"] == [
        "--config",
        "/etc/steelyard/config.yaml",
        "--release",
        "steelyard",
        *certificate,
        *([*SCALER, "--expander-certificate", "/etc/steelyard-expander"] if scaled else []),
    ]
    assert {line["name"] for line in container["env"]} == {"POD_NAME", "POD_NAMESPACE"}
    assert spec["terminationGracePeriodSeconds"] == 45


def test_the_budget_protects_and_never_blocks(case, objects):
    budgets = of_kind(objects, "PodDisruptionBudget")
    replicas = the(objects, "Deployment")["spec"]["replicas"]
    assert bool(budgets) == (replicas > 1 and case != "nothing optional")
    for budget in budgets:
        assert budget["spec"]["maxUnavailable"] not in (0, "0%")
        assert budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
        assert "minAvailable" not in budget["spec"]


def test_nothing_secret_but_a_certificate_and_nothing_that_runs_by_itself(objects):
    kinds = {one["kind"] for one in objects}
    assert [one["type"] for one in of_kind(objects, "Secret")] in ([], ["kubernetes.io/tls"])
    assert not kinds & {"Job", "CronJob", "Pod", "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"}
    assert not any("helm.sh/hook" in (one["metadata"].get("annotations") or {}) for one in objects)


def test_the_operator_can_read_the_configuration(objects, tmp_path, case):
    [config] = [one for one in of_kind(objects, "ConfigMap") if "config.yaml" in one["data"]]
    [volume] = [volume for volume in _pod(objects)["spec"]["volumes"] if "configMap" in volume]
    assert volume["configMap"]["name"] == config["metadata"]["name"]
    path = tmp_path / "config.yaml"
    path.write_text(config["data"]["config.yaml"])
    read = load(path)
    for toolchain in read.toolchains.values():
        assert toolchain.serve_image
        assert toolchain.compile_image
    if case == "everything":
        assert read.currency == "EUR"
        assert read.store.secret_name == "store"
        assert set(read.toolchains) == {"openvino", "neuron"}
        assert read.toolchains["openvino"].serve_image == "steelyard/runtime-serve@sha256:" + "b" * 64
        assert read.toolchains["openvino"].compile_image == "steelyard/runtime-compile:nightly"
        assert read.toolchains["neuron"].serve_image == "n:1"
    else:
        assert read.toolchains["openvino"].serve_image == "steelyard/runtime-serve:0.1.0"


def test_a_changed_configuration_makes_new_pods_and_nothing_else_does():
    plain = _pod(json.loads(_rendered("defaults")))
    assert plain != _pod(rendered({"config": {"frozen": True}}))
    for other in ({"prometheusRule": {"enabled": True}}, {"rbac": {"aggregate": False}}, {"replicas": 3}, {"crds": {"keep": False}}):
        assert plain == _pod(rendered(other))


@pytest.mark.parametrize(
    ("image", "reference"),
    [
        ({}, "steelyard/operator:0.1.0"),
        ({"tag": "1.2"}, "steelyard/operator:1.2"),
        ({"digest": "sha256:" + "a" * 64}, "steelyard/operator@sha256:" + "a" * 64),
        ({"tag": "1.2", "digest": "sha256:" + "a" * 64}, "steelyard/operator:1.2@sha256:" + "a" * 64),
        ({"repository": "localhost:5000/op"}, "localhost:5000/op:0.1.0"),
    ],
)
def test_the_image(image, reference):
    assert _pod(rendered({"image": image}))["spec"]["containers"][0]["image"] == reference


def test_a_constraint_gets_the_selector_only_when_it_has_none():
    first, second = _pod(json.loads(_rendered("everything")))["spec"]["topologySpreadConstraints"]
    assert first["labelSelector"]["matchLabels"]["app.kubernetes.io/component"] == "operator"
    assert second["labelSelector"] == {"matchLabels": {"mine": "yes"}}


def test_replicas_prefer_different_nodes_unless_told_otherwise():
    assert "podAntiAffinity" in _pod(json.loads(_rendered("defaults")))["spec"]["affinity"]
    assert _pod(json.loads(_rendered("everything")))["spec"]["affinity"] == EVERYTHING["affinity"]


@pytest.mark.parametrize(
    "release", ["a", "steelyard", "team-a.prod", "r" * 53, "very-long-name-of-a-release-that-says-everything-1", "x-" * 26 + "x"]
)
@pytest.mark.parametrize("values", [{}, {"nameOverride": "n" * 52}, {"fullnameOverride": "f" * 52}])
def test_names_fit(release, values):
    for one in rendered({**values, "crds": {"install": False}}, release=release, namespace="n" * 63):
        name = one["metadata"]["name"]
        if one["kind"] == "Service":
            assert re.fullmatch("[a-z]([-a-z0-9]{0,61}[a-z0-9])?", name)
        elif one["kind"] == "Deployment":
            assert re.fullmatch("[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?", name), "a pod adds 17 characters"
        else:
            assert re.fullmatch("[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", name)
        for value in one["metadata"]["labels"].values():
            assert re.fullmatch("[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", value)


def test_long_names_that_differ_at_the_end_stay_apart():
    names = {the(rendered({"crds": {"install": False}}, release="r" * 52 + end), "Deployment")["metadata"]["name"] for end in "ab"}
    assert len(names) == 2


def test_two_installations_share_no_name():
    first = rendered({"crds": {"install": False}}, namespace="one")
    second = rendered({"crds": {"install": False}}, namespace="two")

    def keys(objects):
        return {(one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"]) for one in objects}

    assert not keys(first) & keys(second)


def test_every_admission_policy_asks_for_the_operators_account_first_and_is_bound():
    objects = json.loads(_rendered("everything"))
    policies = of_kind(objects, "ValidatingAdmissionPolicy")
    account = '"system:serviceaccount:steelyard-system:weigher"'
    for policy in policies:
        [condition] = policy["spec"]["matchConditions"]
        assert condition["expression"] == f"request.userInfo.username == {account}"
        assert policy["spec"]["failurePolicy"] == "Fail"
    bindings = of_kind(objects, "ValidatingAdmissionPolicyBinding")
    assert [b["spec"]["policyName"] for b in bindings] == [p["metadata"]["name"] for p in policies]
    assert all(b["spec"]["validationActions"] == ["Deny"] for b in bindings)
    assert not [o for o in rendered({"admissionPolicy": {"enabled": False}}) if o["kind"].startswith("ValidatingAdmission")]


KEDA = {"namespaceSelector": {}, "podSelector": {"matchLabels": {"app.kubernetes.io/name": "keda-operator"}}}
CLUSTER_AUTOSCALERS = [
    {"app.kubernetes.io/name": "aws-cluster-autoscaler", "app.kubernetes.io/instance": "cluster-autoscaler"},
    {"app.kubernetes.io/name": "clusterapi-cluster-autoscaler"},
    {"app.kubernetes.io/name": "cluster-autoscaler"},
    {"app": "cluster-autoscaler"},
]
"""Labels of its pods: by the chart of kubernetes/autoscaler for two clouds, by other charts, and by the manifests of its examples."""


def _selects(peer, labels):
    selector = peer["podSelector"]
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items()) and all(
        one["operator"] == "In" and labels.get(one["key"]) in one["values"] for one in selector.get("matchExpressions", [])
    )


def _scaler(**values):
    """(words that the operator is told, its Service or None, Secrets that it mounts for it, its ports)"""
    objects = rendered({"externalScaler": values})
    [container] = _pod(objects)["spec"]["containers"]
    services = [s for s in of_kind(objects, "Service") if s["metadata"]["name"].endswith("-scaler")]
    secrets = {v["secret"]["secretName"] for v in _pod(objects)["spec"]["volumes"] if "secret" in v}
    told = [word for word in container["args"] if "scaler" in word]
    return told, next(iter(services), None), secrets - {"steelyard-metrics-certificate"}, {p["containerPort"] for p in container["ports"]}


def test_keda_is_answered_where_it_is_asked_for_and_by_tls_with_a_certificate_that_is_given():
    assert _scaler() == ([], None, set(), {8080, 8443})
    told, service, secrets, ports = _scaler(enabled=True)
    assert (told, secrets, ports) == (["--external-scaler"], set(), {8080, 8443, 8090})
    assert service["spec"]["clusterIP"] == "None", "gRPC must see each pod: only the leader listens"
    assert [(p["port"], p["targetPort"]) for p in service["spec"]["ports"]] == [(8090, "grpc")]
    told, _, secrets, _ = _scaler(enabled=True, certificateSecretName="tls", clientCertificates=True)
    assert secrets == {"tls"}
    assert told == SCALER


def test_certificates_of_clients_need_one_of_the_server():
    with pytest.raises(Exception, match=r"needs externalScaler\.certificateSecretName"):
        _scaler(enabled=True, clientCertificates=True)


def test_cluster_autoscaler_is_answered_where_it_is_asked_for_and_by_tls_alone():
    objects = rendered({"expander": {"enabled": True, "certificateSecretName": "tls"}})
    [container] = _pod(objects)["spec"]["containers"]
    assert container["args"][-2:] == ["--expander-certificate", "/etc/steelyard-expander"]
    [service] = [s for s in of_kind(objects, "Service") if s["metadata"]["name"].endswith("-expander")]
    assert service["spec"]["clusterIP"] == "None"
    assert [(p["port"], p["targetPort"]) for p in service["spec"]["ports"]] == [(8091, "grpc-expander")]
    assert {p["name"]: p["containerPort"] for p in container["ports"]}["grpc-expander"] == 8091
    assert {"name": "expander-certificate", "secret": {"secretName": "tls", "defaultMode": 0o440}} in _pod(objects)["spec"]["volumes"]
    with pytest.raises(Exception, match=r"needs expander\.certificateSecretName"):
        rendered({"expander": {"enabled": True}})


def test_the_network_policy_lets_through_what_is_needed():
    [policy] = [p["spec"] for p in of_kind(json.loads(_rendered("everything")), "NetworkPolicy") if _is_of_the_release(p)]
    *others, expander = policy["ingress"]
    assert others == [
        {"ports": [{"port": 8443, "protocol": "TCP"}], "from": EVERYTHING["networkPolicy"]["ingressFrom"]},
        {"ports": [{"port": 8090, "protocol": "TCP"}], "from": [KEDA]},
    ], "nobody but the readers of /metrics and autoscalers; the kubelet's probes need no rule"
    assert expander["ports"] == [{"port": 8091, "protocol": "TCP"}]
    peers = expander["from"]
    assert all(any(_selects(peer, labels) for peer in peers) for labels in CLUSTER_AUTOSCALERS)
    assert not any(_selects(peer, {"app": "other"}) for peer in peers)
    ports = {(port["port"], port["protocol"]) for rule in policy["egress"] for port in rule.get("ports", [])}
    assert {(53, "UDP"), (443, "TCP"), (6443, "TCP")} <= ports


def test_no_budget_of_evictions_is_none_and_not_the_default():
    assert settings_with({}).evictions_at_once == "1"
    assert settings_with({"config": {"evictionsAtOnce": None}}).evictions_at_once is None


def test_alerts_wait_for_whole_seconds_however_many_they_are():
    [rule] = of_kind(
        rendered({"prometheusRule": {"enabled": True, "heldSeconds": 1209600, "compileFailingSeconds": 2419200}}), "PrometheusRule"
    )
    waits = [alert["for"] for group in rule["spec"]["groups"] for alert in group["rules"] if "for" in alert]
    assert {"1209600s", "2419200s"} <= set(waits) and not [wait for wait in waits if "e" in wait]


@pytest.mark.parametrize("namespaces", [["team-a", "team-a"], ["Team"], ["a.b"]])
def test_namespaces_are_names_and_each_is_given_once(namespaces):
    with pytest.raises(HelmRefusedError, match="watchNamespaces"):
        rendered({"config": {"watchNamespaces": namespaces}})


def _policies_for_workloads(**values):
    objects = rendered({"networkPolicy": {"workloads": {"enabled": True, **values.pop("workloads", {})}}, **values})
    return {(p["metadata"]["namespace"], p["metadata"]["name"].rsplit("-", 1)[1]): p["spec"] for p in of_kind(objects, "NetworkPolicy")}


def _ports(rules):
    return [{port["port"] for port in rule["ports"]} for rule in rules]


def test_pods_of_workloads_are_let_reach_what_they_need_and_be_reached_by_whom_they_need():
    store = {"uri": "s3://a", "endpoint": "http://minio.store:9000"}
    policies = _policies_for_workloads(config={"watchNamespaces": ["team-a", "team-b"], "store": store, "hub": {"endpoint": "http://hub"}})
    assert set(policies) == set(product(("team-a", "team-b"), ("serving", "fetching", "compile", "probe")))
    serving, compiling = policies["team-a", "serving"], policies["team-a", "compile"]
    probing = policies["team-a", "probe"]
    operator = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": NAMESPACE}},
        "podSelector": {"matchLabels": the(rendered(), "Deployment")["spec"]["selector"]["matchLabels"]},
    }
    assert [rule["from"] for rule in serving["ingress"]] == [[{"podSelector": {}}], [operator]]
    assert [rule["from"] for rule in compiling["ingress"]] == [[operator]]
    assert _ports(serving["ingress"]) == [{deployment.HTTP_PORT, "http"}, {deployment.METRICS_PORT, "metrics", "http"}]
    assert _ports(compiling["ingress"]) == [{compile_job.PROGRESS_PORT}]
    assert _ports(serving["egress"]) == [{53}, {9000}]
    assert [rule["from"] for rule in probing["ingress"]] == [[operator]]
    assert _ports(probing["ingress"]) == [{probe_job.BEGIN_PORT}] and probing["egress"] == serving["egress"]
    assert _ports(compiling["egress"]) == [{53}, {9000}, {443, 9000, 80}]
    assert policies["team-a", "fetching"]["egress"] == compiling["egress"] and "ingress" not in policies["team-a", "fetching"]
    for (_, role), spec in policies.items():
        # Of what fetches the policy of serving pods says who may come in.
        assert spec["policyTypes"] == (["Egress"] if role == "fetching" else ["Ingress", "Egress"])
        for rule in spec["egress"][1:]:
            assert {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]} in [peer["ipBlock"] for peer in rule["to"]]


def test_their_policies_select_the_pods_that_the_operator_makes():
    policies = _policies_for_workloads(workloads={"namespaces": ["team-a"]})
    for workload in (each for each in example_workloads("team-a") if each.custom is None):
        roles: set[str] = set()
        for made in objects_of(workload, settings_with({})):
            if made["kind"] in {"Deployment", "Job"}:
                labels = made["spec"]["template"]["metadata"]["labels"]
                selected = {role for (_, role), p in policies.items() if p["podSelector"]["matchLabels"].items() <= labels.items()}
                assert selected == {labels["steelyard.dev/role"]}
                roles |= selected
        assert roles == {"serving", "compile", "probe"}
        break


def test_a_custom_server_is_reached_by_the_names_of_its_ports_and_reaches_a_model_only_where_it_fetches_one():
    policies = _policies_for_workloads(workloads={"namespaces": ["team-a"]})
    [operators] = [p["spec"] for p in of_kind(json.loads(_rendered("everything")), "NetworkPolicy") if _is_of_the_release(p)]
    custom = next(each for each in example_workloads("team-a") if each.custom is not None)
    for workload, selected in ((custom, {"serving", "fetching"}), (replace(custom, model=replace(custom.model, uri="")), {"serving"})):
        made = list(objects_of(workload, settings_with({})))
        for job in (each for each in made if each["kind"] == "Job"):
            labels = job["spec"]["template"]["metadata"]["labels"]
            found = {role for (_, role), p in policies.items() if p["podSelector"]["matchLabels"].items() <= labels.items()}
            assert found == {"probe"} | (selected & {"fetching"})
        [template] = [each["spec"]["template"] for each in made if each["kind"] == "Deployment"][:1]
        labels = template["metadata"]["labels"]
        assert {role for (_, role), p in policies.items() if p["podSelector"]["matchLabels"].items() <= labels.items()} == selected
        named = {port["name"] for port in template["spec"]["containers"][0]["ports"]}
        assert named == {"http", "metrics"}
        assert named <= {port for rule in _ports(policies["team-a", "serving"]["ingress"]) for port in rule}
        assert named <= {port for rule in _ports(operators["egress"]) for port in rule}, "whose numbers their workloads choose"


def test_they_are_told_apart_by_values():
    peers = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "minio"}}}]
    policies = _policies_for_workloads(
        workloads={"namespaces": ["team-a"], "clients": [], "metricsFrom": peers, "store": peers, "models": peers},
        config={"store": {"uri": "s3://a"}},
    )
    serving, compiling = policies["team-a", "serving"], policies["team-a", "compile"]
    assert "from" not in serving["ingress"][0], "everybody"
    assert peers[0] in serving["ingress"][1]["from"]
    assert [rule["to"] for rule in compiling["egress"][1:]] == [peers, peers]
    assert _ports(serving["egress"]) == [{53}, {443}]
    claims = _policies_for_workloads(workloads={"namespaces": ["team-a"]}, config={"store": {"uri": "pvc://artifacts"}})
    assert _ports(claims["team-a", "serving"]["egress"]) == [{53}], "a claim is reached by the node"


def test_policies_for_workloads_need_namespaces():
    with pytest.raises(HelmRefusedError, match=r"name them in networkPolicy.workloads.namespaces or config.watchNamespaces"):
        _policies_for_workloads()


def _certificate_of(objects):
    [volume] = [v for v in _pod(objects)["spec"]["volumes"] if v["name"] == "metrics-certificate"]
    return volume["secret"]["secretName"]


def test_metrics_are_by_https_with_a_certificate_for_the_service_unless_one_is_given_or_it_is_switched_off():
    objects = json.loads(_rendered("defaults"))
    secret, service = the(objects, "Secret"), the(objects, "Service")
    assert _certificate_of(objects) == secret["metadata"]["name"] == "steelyard-metrics-certificate"
    assert [(port["name"], port["port"], port["targetPort"]) for port in service["spec"]["ports"]] == [("https", 8443, "https")]
    made = x509.load_pem_x509_certificate(base64.b64decode(secret["data"]["tls.crt"]))
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
    assert names[0] == f"{service['metadata']['name']}.{NAMESPACE}.svc"
    assert (made.not_valid_after_utc - made.not_valid_before_utc).days >= 3650
    given = rendered({"metrics": {"certificateSecretName": "of-cert-manager"}})
    assert of_kind(given, "Secret") == []
    assert _certificate_of(given) == "of-cert-manager"
    off = rendered({"metrics": {"secure": False}})
    assert of_kind(off, "Secret") == []
    assert [(port["name"], port["port"], port["targetPort"]) for port in the(off, "Service")["spec"]["ports"]] == [("http", 8080, "http")]
    assert [r for r in of_kind(off, "ClusterRole") if r["metadata"]["name"].endswith("metrics-reader")] == []


def _endpoint(**values):
    [endpoint] = the(rendered({"serviceMonitor": {"enabled": True}, **values}), "ServiceMonitor")["spec"]["endpoints"]
    return endpoint


def test_prometheus_is_told_how_to_read_them():
    endpoint = _endpoint()
    assert (endpoint["port"], endpoint["scheme"]) == ("https", "https")
    assert endpoint["bearerTokenFile"] == "/var/run/secrets/kubernetes.io/serviceaccount/token"
    assert endpoint["tlsConfig"] == {
        "ca": {"secret": {"name": "steelyard-metrics-certificate", "key": "tls.crt"}},
        "serverName": f"steelyard-metrics.{NAMESPACE}.svc",
    }
    token = _endpoint(serviceMonitor={"enabled": True, "tokenSecretName": "reader"})
    assert token["authorization"] == {"credentials": {"name": "reader", "key": "token"}} and "bearerTokenFile" not in token
    issued = _endpoint(metrics={"certificateSecretName": "of-cert-manager"})
    assert issued["tlsConfig"]["ca"]["secret"] == {"name": "of-cert-manager", "key": "ca.crt"}
    assert set(_endpoint(metrics={"secure": False})) == {"port", "path", "interval", "scrapeTimeout", "honorLabels"}


def test_the_page_on_installing_tells_a_prometheus_without_its_operator_the_same():
    page = (CHART.parents[1] / "docs/how-to/install.md").read_text()
    [shown] = [block for block in re.findall("```yaml\n(.*?)```", page, re.DOTALL) if block.startswith("scrape_configs")]
    [job] = yaml.safe_load(shown)["scrape_configs"]
    endpoint, objects = _endpoint(), json.loads(_rendered("defaults"))
    assert (job["scheme"], job["honor_labels"]) == (endpoint["scheme"], endpoint["honorLabels"])
    assert job["tls_config"]["server_name"] == endpoint["tlsConfig"]["serverName"]
    [kept] = job["relabel_configs"]
    component = _pod(objects)["metadata"]["labels"]["app.kubernetes.io/component"]
    assert kept["regex"] == f"{component};{endpoint['port']}"


def test_extra_objects_are_expanded():
    [extra] = [one for one in json.loads(_rendered("everything")) if one["metadata"]["name"] == "extra"]
    assert extra["metadata"]["namespace"] == NAMESPACE


@pytest.mark.parametrize("name", ["defaults", "in namespaces"])
def test_the_list_of_objects_is_the_known_one(name):
    """A golden list: a review of the chart sees at once what an installation consists of."""
    lines = sorted(
        f"{one['kind']} {one['metadata'].get('namespace', '-')}/{one['metadata']['name']}" for one in json.loads(_rendered(name))
    )
    assert lines == (GOLDEN / f"{name.replace(' ', '-')}.txt").read_text().splitlines()


def test_the_deployment_is_the_known_one():
    """A golden file: a changed pod template restarts the operator at an upgrade, so it is changed knowingly."""
    deployment = the(json.loads(_rendered("defaults")), "Deployment")
    del deployment["spec"]["template"]["metadata"]["annotations"]["steelyard.dev/config-sha256"]
    assert deployment == yaml.safe_load((GOLDEN / "deployment.yaml").read_text())
