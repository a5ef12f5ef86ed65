"""The matrix of values under which every invariant must hold."""

from __future__ import annotations

from typing import Any

EVERYTHING: dict[str, Any] = {
    "commonLabels": {"team": "ml", "app.kubernetes.io/name": "stolen", "app.kubernetes.io/managed-by": "steelyard"},
    "image": {"repository": "registry.example.com/a/operator", "tag": "1.2.3", "digest": "sha256:" + "a" * 64, "pullPolicy": "Always"},
    "imagePullSecrets": [{"name": "pull"}],
    "runtime": {"serve": {"digest": "sha256:" + "b" * 64}, "compile": {"tag": "nightly"}},
    "config": {
        "currency": "EUR",
        "frozen": True,
        "toolchains": {
            "onnxruntime": None,
            "neuron": {"serveImage": "n:1", "compileImage": "n:2", "target": "trn1", "versions": {"neuronx-cc": "2.20"}},
        },
        "store": {"endpoint": "http://minio.example:9000", "secretName": "store", "readSecretName": "store-read"},
        "observe": {"source": "Prometheus", "prometheusUrl": "http://prometheus.example:9090"},
        "compile": {"nodeSelector": {"pool": "general"}},
        "publish": {"nodeOverlays": True, "priorityExpanderNamespace": "autoscaling"},
        "clusterAutoscaler": {"readStatus": True, "provisioningRequests": True},
    },
    "admissionPolicy": {"protectedNamespaces": ["kube-system", "vault"], "imagePrefixes": ["registry.example.com/models/"]},
    "serviceAccount": {"name": "weigher", "annotations": {"example.com/role": "x"}},
    "replicas": 3,
    "resources": {"limits": {"cpu": 2, "memory": "1Gi"}},
    "podAnnotations": {"example.com/a": "b"},
    "podLabels": {"example.com/tier": "control", "app.kubernetes.io/component": "stolen"},
    "priorityClassName": "system-cluster-critical",
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "dedicated", "operator": "Exists"}],
    "affinity": {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]}]
            }
        }
    },
    "topologySpreadConstraints": [
        {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"},
        {"maxSkew": 2, "topologyKey": "host", "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": {"matchLabels": {"mine": "yes"}}},
    ],
    "podDisruptionBudget": {"maxUnavailable": "50%"},
    "metrics": {"serviceAnnotations": {"prometheus.io/scrape": "true"}},
    "externalScaler": {"enabled": True, "certificateSecretName": "of-the-scaler", "clientCertificates": True},
    "expander": {"enabled": True, "certificateSecretName": "of-the-expander"},
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}, "interval": "15s"},
    "prometheusRule": {
        "enabled": True,
        "labels": {"release": "prometheus"},
        "runbookUrl": "https://example.com/runbooks",
        "heldSeconds": 3600,
    },
    "dashboard": {"enabled": True, "annotations": {"folder": "ML"}},
    "networkPolicy": {
        "enabled": True,
        "ingressFrom": [{"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}],
        "workloads": {"enabled": True, "namespaces": ["team-a", "team-b"]},
    },
    "extraObjects": [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "extra", "namespace": "{{ .Release.Namespace }}"},
            "data": {"a": "b"},
        }
    ],
}

MATRIX: dict[str, dict[str, Any]] = {
    "defaults": {},
    "everything": EVERYTHING,
    "in namespaces": {"config": {"watchNamespaces": ["team-a", "team-b"]}},
    "one replica": {"replicas": 1},
    "nothing optional": {
        "crds": {"install": False},
        "rbac": {"create": False, "aggregate": False},
        "serviceAccount": {"create": False},
        "podDisruptionBudget": {"enabled": False},
        "admissionPolicy": {"enabled": False},
        "metrics": {"secure": False},
        "topologySpreadConstraints": [],
    },
    "own names": {"nameOverride": "scale", "fullnameOverride": "weigher"},
}
