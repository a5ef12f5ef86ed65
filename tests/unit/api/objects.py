"""Objects for tests of the API: one good one of each kind, and a table of bad ones.

The same table is judged twice: by `steelyard.api.parse`, and by a real API server (tests/apiserver/api).
"""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

GONE = object()
"""Removes the field."""


def workload() -> dict[str, Any]:
    return {
        "apiVersion": "steelyard.dev/v1alpha1",
        "kind": "InferenceWorkload",
        "metadata": {"name": "embedder"},
        "spec": {
            "model": {"uri": "hf://org/model", "revision": "a" * 40, "task": "feature-extraction"},
            "objective": {"latency": [{"metric": "e2e", "milliseconds": 100, "percent": "99"}]},
        },
    }


def pool() -> dict[str, Any]:
    return {
        "apiVersion": "steelyard.dev/v1alpha1",
        "kind": "AcceleratorPool",
        "metadata": {"name": "inf2-xlarge"},
        "spec": {
            "accelerator": {"family": "neuron-inf2", "model": "inferentia2", "resourceName": "aws.amazon.com/neuron", "memoryGiB": 32},
            "backends": [{"name": "neuron"}],
            "nodes": {"selector": {"node.kubernetes.io/instance-type": "inf2.xlarge"}},
            "shapes": [
                {
                    "instanceType": "inf2.xlarge",
                    "devices": 1,
                    "cpu": 4,
                    "memory": "16Gi",
                    "pricePerHour": "0.7582",
                    "priceClass": "List",
                    "asOf": "2026-07-20",
                }
            ],
            "claims": [
                {
                    "name": "vendor",
                    "metric": "Throughput",
                    "value": "2674.19",
                    "unit": "RequestsPerSecond",
                    "source": "vendor documentation",
                    "date": "2026-02-26",
                }
            ],
        },
    }


def compiled() -> dict[str, Any]:
    return {
        "apiVersion": "steelyard.dev/v1alpha1",
        "kind": "CompiledModel",
        "metadata": {"name": "cm-0a0a0a0a0a0a"},
        "spec": {
            "key": "0a" * 32,
            "model": {"uri": "hf://org/model", "revision": "a" * 40, "task": "feature-extraction"},
            "backend": "neuron",
            "toolchain": {"neuronx-cc": "2.22.1"},
            "target": "inf2",
            "dtype": "bfloat16",
            "batchSizes": [1, 8],
            "sequenceLengths": [128, 512],
            "logicalCores": 1,
            "flags": ["--optlevel=2", "--model-type=transformer"],
        },
    }


def trial() -> dict[str, Any]:
    return {
        "apiVersion": "steelyard.dev/v1alpha1",
        "kind": "AcceleratorTrial",
        "metadata": {"name": "half-the-cost"},
        "spec": {
            "workloadName": "embedder",
            "pools": ["g5-xlarge", "inf2-xlarge"],
            "budget": "2.00",
            "durationSeconds": 1200,
            "claims": [{"name": "half", "pool": "inf2-xlarge", "metric": "UnitCost", "ratio": "0.5", "relativeTo": "g5-xlarge"}],
        },
    }


def scale_target() -> dict[str, Any]:
    return {
        "apiVersion": "steelyard.dev/v1alpha1",
        "kind": "ScaleTarget",
        "metadata": {"name": "embedder.inf2-xlarge"},
        "spec": {"workloadName": "embedder", "pool": "inf2-xlarge", "replicas": 3},
    }


GOOD = {
    "InferenceWorkload": workload,
    "AcceleratorPool": pool,
    "CompiledModel": compiled,
    "AcceleratorTrial": trial,
    "ScaleTarget": scale_target,
}

VLLM = {"vllm": {}}
GATEWAY = {"parentRefs": [{"name": "models"}]}
SAMPLED = {"samples": {"configMap": {"name": "asked"}}}
PICKED = {"inferencePools": {"endpointPickerRef": {"name": "picker-{pool}"}}}
NAMES = {"requestCounter": "n_total", "latencyHistogram": "t_seconds"}
CUSTOM = {
    "custom": {
        "image": "example.com/a@sha256:" + "0" * 64,
        "families": ["cpu", "nvidia"],
        "metrics": {"names": NAMES, "port": 9000},
    }
}
AT_A_GATEWAY = {"custom": {**CUSTOM["custom"], "latencyFrom": "Gateway", "metrics": {"names": {"requestCounter": "n_total"}, "port": 9000}}}
"""Its page tells nothing of times."""
NEAR = {"spec.objective.accuracy": [{"measure": "LeastCosine", "limit": "0.99"}]}
EXISTING = {"existing": {"name": "chat", "metrics": {"profile": "vllm"}}}
NAMED = {"existing": {"kind": "StatefulSet", "name": "chat", "metrics": {"names": {"requestCounter": "n_total", "latencyHistogram": "t_seconds"}, "port": 9000}}}  # fmt: skip


def changed(good: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A copy with values put at paths such as `spec.shapes.0.cpu`; GONE removes."""
    whole = copy.deepcopy(dict(good))
    for path, value in changes.items():
        *way, last = path.split(".")
        at: Any = whole
        for step in way:
            at = at[int(step)] if isinstance(at, list) else at.setdefault(step, {})
        if value is GONE:
            at.pop(last if isinstance(at, dict) else int(last), None)
        elif isinstance(at, list):
            at[int(last)] = value
        else:
            at[last] = value
    return whole


@dataclass(frozen=True)
class Bad:
    """A sentence, the object it is about, and a part of what the API server answers (`offline`: of what `parse` answers)."""

    sentence: str
    kind: str
    changes: Mapping[str, Any]
    answer: str
    field: str
    offline: str = field(default="")

    @property
    def object(self) -> dict[str, Any]:
        return changed(GOOD[self.kind](), self.changes)

    @property
    def parse_answer(self) -> str:
        return self.offline or self.answer


def _w(sentence: str, changes: Mapping[str, Any], answer: str, at: str, offline: str = "") -> Bad:
    return Bad(sentence, "InferenceWorkload", changes, answer, at, offline)


def _p(sentence: str, changes: Mapping[str, Any], answer: str, at: str, offline: str = "") -> Bad:
    return Bad(sentence, "AcceleratorPool", changes, answer, at, offline)


def _c(sentence: str, changes: Mapping[str, Any], answer: str, at: str, offline: str = "") -> Bad:
    return Bad(sentence, "CompiledModel", changes, answer, at, offline)


def _t(sentence: str, changes: Mapping[str, Any], answer: str, at: str, offline: str = "") -> Bad:
    return Bad(sentence, "AcceleratorTrial", changes, answer, at, offline)


def _s(sentence: str, changes: Mapping[str, Any], answer: str, at: str, offline: str = "") -> Bad:
    return Bad(sentence, "ScaleTarget", changes, answer, at, offline)


def _env(**fields: Any) -> dict[str, Any]:
    return {"spec.server": changed(CUSTOM, {"custom.env": [{"name": "A", **fields}]})}


_OFFER = {"name": "x", "metric": "UnitCost", "source": "s", "date": "2026-01-01"}

BAD: tuple[Bad, ...] = (
    # the model
    _w("a model from a web address", {"spec.model.uri": "https://example.com/m"}, "must start with hf://", "spec.model.uri"),
    _w("a model from a host path", {"spec.model.uri": "file:///etc"}, "must start with hf://", "spec.model.uri"),
    _w("a path that climbs", {"spec.model.uri": "hf://a/../b"}, 'must not contain ".."', "spec.model.uri"),
    _w("a branch as a revision", {"spec.model.revision": "main"}, "must be a full commit of 40", "spec.model.revision"),
    _w("a model of the hub without revision", {"spec.model.revision": GONE}, "must give revision", "spec.model.revision"),
    _w("a model of a bucket without digest", {"spec.model.uri": "s3://b/m", "spec.model.revision": GONE}, "must give digest", "spec.model.digest"),
    _w("a hub model without a commit", {"spec.model.revision": GONE, "spec.model.digest": "sha256:" + "0" * 64}, "must give revision", "spec.model.revision"),
    _w("a digest that is too short", {"spec.model.digest": "sha256:00"}, 'must be "sha256:" followed by 64', "spec.model.digest"),
    _w("no task for our own server", {"spec.model.task": GONE}, "must give model.task", "spec.model.task"),
    _w("a task that nobody does", {"spec.model.task": "fill-mask"}, "must be a task that the steelyard server does", "spec.model.task"),
    _w("text by our own server", {"spec.model.task": "text-generation"}, "text is generated by the vllm server", "spec.model.task"),
    _w(
        "lengths of texts for tensors",
        {"spec.model.task": "tensors", "spec.compile": {"sequenceLengths": [64]}},
        "must leave out sequenceLengths and flags with the tasks image-classification and tensors",
        "spec.compile",
    ),
    _w(
        "lengths of texts for images, of one family",
        {"spec.model.task": "image-classification", "spec.compile": {"families": [{"family": "cpu", "sequenceLengths": [64]}]}},
        "must leave out sequenceLengths and flags with the tasks image-classification and tensors",
        "spec.compile",
    ),
    _w("a task with capitals", {"spec.model.task": "TextGeneration"}, "must be a task in lower case", "spec.model.task"),
    _w("a route for what is not ours", {"spec.server": EXISTING, "spec.traffic": GATEWAY}, "must be left out when the server is existing: nothing of it is changed, its routes", "spec.traffic"),
    _w("host names without a gateway", {"spec.traffic": {"hostnames": ["a.example.com"]}}, "without a Gateway there is no route", "spec.traffic.parentRefs"),
    _w("a gateway in no namespace", {"spec.traffic": {"parentRefs": [{"name": "models", "namespace": "Team A"}]}}, "must be the name of a namespace", "spec.traffic.parentRefs[0].namespace"),
    _w("InferencePools without a gateway", {"spec.traffic": PICKED}, "without a Gateway there is no route", "spec.traffic.parentRefs"),
    _w("InferencePools without a picker", {"spec.traffic": {**GATEWAY, "inferencePools": {}}}, "Required value", "spec.traffic.inferencePools.endpointPickerRef", "must be given"),
    _w("a picker of a pool for all pools", {"spec.traffic": changed({**GATEWAY, **PICKED}, {"inferencePools.extent": "Shared"})}, "must not hold {pool} with extent Shared", "spec.traffic.inferencePools.endpointPickerRef.name"),
    _w("a picker of another word", {"spec.traffic": changed({**GATEWAY, **PICKED}, {"inferencePools.endpointPickerRef.name": "picker-{revision}"})}, "must be the name of a Service", "spec.traffic.inferencePools.endpointPickerRef.name"),
    _w("a picker that fails otherwise", {"spec.traffic": changed({**GATEWAY, **PICKED}, {"inferencePools.endpointPickerRef.failureMode": "Ignore"})}, 'supported values: "FailClose"', "spec.traffic.inferencePools.endpointPickerRef.failureMode", "must be one of 'FailClose'"),
    _w("a host with a port", {"spec.traffic": {**GATEWAY, "hostnames": ["a.example.com:80"]}}, "must be a host name", "spec.traffic.hostnames[0]"),
    _w("a path with a query", {"spec.traffic": {**GATEWAY, "path": "/v1?a=b"}}, 'must begin with "/"', "spec.traffic.path"),
    _w("samples for our own server", {"spec.traffic": SAMPLED}, "must be left out unless the server is custom", "spec.traffic.samples"),
    _w("samples for a server that exists", {"spec.server": EXISTING, "spec.model": GONE, "spec.rebalancing": {"mode": "Observe"}, "spec.traffic": SAMPLED}, "must be left out unless the server is custom", "spec.traffic.samples"),
    _w("samples in a key that no ConfigMap has", {"spec.server": CUSTOM, "spec.traffic": {"samples": {"configMap": {"name": "a", "key": "../b"}}}}, "must be a key of the Secret or ConfigMap", "spec.traffic.samples.configMap.key"),
    _w("a gateway that tells latencies, and is not named", {"spec.server": AT_A_GATEWAY}, "must name the Gateways in parentRefs", "spec.traffic"),
    _w("a gateway that is to tell when tokens came", {"spec.server": AT_A_GATEWAY, "spec.traffic": GATEWAY, "spec.objective.latency": [{"metric": "ttft", "milliseconds": 100, "percent": "99"}]}, "must use the metric e2e alone with server.custom.latencyFrom", "spec.objective.latency"),
    _w("a pull secret of another namespace", {"spec.pods": {"imagePullSecrets": ["other/registry"]}}, "in the same namespace", "spec.pods.imagePullSecrets[0]"),
    _w("a queue of another namespace", {"spec.pods": {"queueName": "other/team"}}, "in the same namespace", "spec.pods.queueName"),
    _w("a queue whose name is too long for a label", {"spec.pods": {"queueName": "q" * 64}}, "63", "spec.pods.queueName"),
    _w("an account of another namespace", {"spec.pods": {"serviceAccountName": "other/models"}}, "in the same namespace", "spec.pods.serviceAccountName"),
    _w("a secret of another namespace", {"spec.model.secretName": "other/token"}, "in the same namespace", "spec.model.secretName"),
    _w("no model", {"spec.model": GONE}, "must give model, unless the server is existing or custom", "spec.model"),
    # the server
    _w("a server of vLLM without a model", {"spec.model": GONE, "spec.server": VLLM}, "must give model, unless the server is existing or custom", "spec.model"),
    _w("what is not ours, moved", {"spec.server": EXISTING, "spec.rebalancing": {"mode": "Auto"}}, "must be Observe or Recommend when the server is existing", "spec.rebalancing.mode"),
    _w("what is not ours, of a kind that nobody knows", {"spec.server": changed(EXISTING, {"existing.kind": "ReplicaSet"})}, 'supported values: "Deployment"', "spec.server.existing.kind", "must be one of 'Deployment'"),
    _w("what is not ours, in another namespace", {"spec.server": changed(EXISTING, {"existing.name": "other/chat"})}, "in the same namespace", "spec.server.existing.name"),
    _w("what is not ours, without metrics", {"spec.server": changed(EXISTING, {"existing.metrics": GONE})}, "Required value", "spec.server.existing.metrics", "must be given"),
    _w("neither profile nor names", {"spec.server": changed(EXISTING, {"existing.metrics": {"port": 8000}})}, "must give exactly one of profile", "spec.server.existing.metrics"),
    _w("both profile and names", {"spec.server": changed(NAMED, {"existing.metrics.profile": "vllm"})}, "must give exactly one of profile", "spec.server.existing.metrics"),
    _w("names without a port", {"spec.server": changed(NAMED, {"existing.metrics.port": GONE})}, "must give port with names", "spec.server.existing.metrics.port"),
    _w("a promise of a time that no name is of", {"spec.server": NAMED, "spec.objective.latency.0.metric": "ttft"}, "has a histogram of", "spec.objective.latency"),
    _w("tokens of a server that knows none", {"spec.server": changed(EXISTING, {"existing.metrics.profile": "mlserver"}), "spec.objective.latency.0.metric": "itl"}, "must be of times that the profile tells", "spec.objective.latency"),
    _w("gaps between tokens of a server that tells them by token alone", {"spec.server": changed(EXISTING, {"existing.metrics.profile": "sglang"}), "spec.objective.latency.0.metric": "itl"}, "must be of times that the profile tells", "spec.objective.latency"),
    _w("a first token of a server that tells of none", {"spec.server": changed(EXISTING, {"existing.metrics.profile": "tgi"}), "spec.objective.latency.0.metric": "ttft"}, "must be of times that the profile tells", "spec.objective.latency"),
    _w("a first token of a custom server that has no name for it", {"spec.server": CUSTOM, "spec.objective.latency.0.metric": "ttft"}, "server.custom.metrics.names has a histogram of", "spec.objective.latency"),
    _w("labels of errors without their counter", {"spec.server": changed(NAMED, {"existing.metrics.names.errorLabels": [{"name": "outcome", "values": ["bad"]}]})}, "must give errorCounter with errorLabels", "spec.server.existing.metrics.names.errorCounter"),
    _w("labels of refusals without their counter", {"spec.server": changed(NAMED, {"existing.metrics.names.refusedLabels": [{"name": "outcome", "values": ["full"]}]})}, "must give refusedCounter with refusedLabels", "spec.server.existing.metrics.names.refusedCounter"),
    _w("a label without a value", {"spec.server": changed(NAMED, {"existing.metrics.names.labels": [{"name": "handler", "values": []}]})}, "should have at least 1 items", "spec.server.existing.metrics.names.labels[0].values", "at least 1"),
    _w("a label twice", {"spec.server": changed(NAMED, {"existing.metrics.names.labels": [{"name": "a", "values": ["1"]}, {"name": "a", "values": ["2"]}]})}, "Duplicate value", "spec.server.existing.metrics.names.labels", "must give each name once"),
    _w("no name of a label", {"spec.server": changed(NAMED, {"existing.metrics.names.labels": [{"name": "a-b", "values": ["1"]}]})}, "must be the name of a Prometheus label", "spec.server.existing.metrics.names.labels[0].name"),
    _w("tokens of prompts alone", {"spec.server": changed(NAMED, {"existing.metrics.names.promptTokenCounter": "p_total"})}, "must give promptTokenCounter and outputTokenCounter together", "spec.server.existing.metrics.names.outputTokenCounter"),
    _w("cached tokens alone", {"spec.server": changed(NAMED, {"existing.metrics.names.cachedTokenCounter": "c_total"})}, "must give promptTokenCounter with cachedTokenCounter", "spec.server.existing.metrics.names.promptTokenCounter"),
    _w("tokens of what is not ours", {"spec.server": EXISTING, "spec.objective.unit": "OutputTokens"}, "must be GoodRequests unless the server is vllm", "spec.objective.unit"),
    _w("a task that vllm is not used for", {"spec.server": {"vllm": {}}, "spec.model.task": "image-classification"}, "must be one of text-generation, feature-extraction", "spec.model.task"),
    _w("a time between tokens of vectors", {"spec.server": {"vllm": {}}, "spec.objective.latency": [{"metric": "itl", "milliseconds": 50}]}, "must promise e2e alone and count GoodRequests", "spec.objective"),
    _w("cost by tokens of vectors", {"spec.server": {"vllm": {}}, "spec.objective.unit": "InputTokens"}, "must promise e2e alone and count GoodRequests", "spec.objective"),
    _w("a cosine above one", {"spec.objective.accuracy": [{"measure": "LeastCosine", "limit": "1.01"}]}, "must be at most 1", "spec.objective.accuracy[0].limit"),
    _w("how near the answers of what is not ours are", {"spec.server": EXISTING, "spec.objective.accuracy": [{"measure": "LeastCosine", "limit": "0.9"}]}, "must be left out unless the server is steelyard or vllm", "spec.objective.accuracy"),
    _w("nats of vectors", {"spec.objective.accuracy": [{"measure": "WorstLogprob", "limit": "0.01"}]}, "must be by the one measure that is told of model.task", "spec.objective.accuracy"),
    _w("a probability of a ranker", {"spec.model.task": "text-ranking", "spec.objective.accuracy": [{"measure": "WorstProbability", "limit": "0.01"}]}, "ScoreConcordance of ranks", "spec.objective.accuracy"),
    _w("a cosine of text", {"spec.server": VLLM, "spec.model.task": GONE, "spec.objective.accuracy": [{"measure": "LeastCosine", "limit": "0.9"}]}, "WorstLogprob of all but vectors", "spec.objective.accuracy"),
    _w("a measure twice", {"spec.objective.accuracy": [{"measure": "LeastCosine", "limit": "0.9"}] * 2}, "Duplicate value", "spec.objective.accuracy", "must give each measure once"),
    _w("a compile with no memory", {"spec.compile": {"resources": {"cpu": "4", "memory": "0Gi"}}}, "must be an amount of memory more than 0", "spec.compile.resources.memory"),
    _w("a compile with half of its resources", {"spec.compile": {"resources": {"cpu": "4"}}}, "Required value", "spec.compile.resources.memory", "must be given"),
    _w("two servers", {"spec.server": {"steelyard": {}, "vllm": {}}}, "must give exactly one of steelyard, vllm, custom and existing", "spec.server"),
    _w("no server at all", {"spec.server": {}}, "must give exactly one of steelyard, vllm, custom and existing", "spec.server"),
    _w('a folder as generation config', {"spec.server": {"vllm": {"arguments": [{"name": "generation-config", "value": '/models/other'}]}}}, 'must have auto or vllm', "spec.server.vllm.arguments[0].value"),
    _w('a draft model from the hub', {"spec.server": {"vllm": {"arguments": [{"name": "speculative-config", "value": '{"method": "ngram", "model": "org/draft"}'}]}}}, 'a draft model is not loaded', "spec.server.vllm.arguments[0].value"),
    _w('a draft model without a method', {"spec.server": {"vllm": {"arguments": [{"name": "speculative-config", "value": '{"model": "/models/draft", "num_speculative_tokens": 3}'}]}}}, 'a draft model is not loaded', "spec.server.vllm.arguments[0].value"),
    _w('a plugin of structured outputs', {"spec.server": {"vllm": {"arguments": [{"name": "structured-outputs-config", "value": '{"reasoning_parser_plugin": "/tmp/x.py"}'}]}}}, 'must have a JSON object of backend', "spec.server.vllm.arguments[0].value"),
    _w('a parser by its path', {"spec.server": {"vllm": {"arguments": [{"name": "reasoning-parser", "value": './parser.py'}]}}}, 'no path is read', "spec.server.vllm.arguments[0].value"),
    _w('a tool parser by its path', {"spec.server": {"vllm": {"arguments": [{"name": "tool-call-parser", "value": '/tmp/parser'}]}}}, 'no path is read', "spec.server.vllm.arguments[0].value"),
    _w('a served name that is a URL', {"spec.server": {"vllm": {"arguments": [{"name": "served-model-name", "value": 'https://example.com/m'}]}}}, 'must have one name', "spec.server.vllm.arguments[0].value"),
    _w("no such format of a template", {"spec.server": {"vllm": {"arguments": [{"name": "chat-template-content-format", "value": "jinja"}]}}}, "must have auto, string or openai", "spec.server.vllm.arguments[0].value"),
    _w("a bound in words", {"spec.server": {"vllm": {"arguments": [{"name": "max-logprobs", "value": "many"}]}}}, "must have a whole number as value, or -1", "spec.server.vllm.arguments[0].value"),
    _w("a tokenizer of somebody's own", {"spec.server": {"vllm": {"arguments": [{"name": "tokenizer-mode", "value": 'custom'}]}}}, 'must have auto, hf, slow or mistral', "spec.server.vllm.arguments[0].value"),
    _w('a switch with a value', {"spec.server": {"vllm": {"arguments": [{"name": "enable-sleep-mode", "value": '/tmp'}]}}}, 'must have no value', "spec.server.vllm.arguments[0].value"),
    _w('an argument without its value', {"spec.server": {"vllm": {"arguments": [{"name": "seed"}]}}}, 'must have a whole number', "spec.server.vllm.arguments[0].value"),
    _w('a value with a line break behind it', {"spec.server": {"vllm": {"arguments": [{"name": "scheduling-policy", "value": 'fcfs\n'}]}}}, 'must have fcfs or priority', "spec.server.vllm.arguments[0].value"),
    _w(
        "an argument of vLLM that loads foreign code",
        {"spec.server": {"vllm": {"arguments": [{"name": "trust-remote-code"}]}}},
        'supported values: "block-size"',
        "spec.server.vllm.arguments[0].name",
        "must be one of",
    ),
    _w(
        "an argument given twice",
        {"spec.server": {"vllm": {"arguments": [{"name": "seed", "value": "1"}, {"name": "seed", "value": "2"}]}}},
        "Duplicate value",
        "spec.server.vllm.arguments",
        "must give each name once",
    ),
    _w("an image by tag", {"spec.server": changed(CUSTOM, {"custom.image": "example.com/a:v1"})}, "must be an image pinned by digest", "spec.server.custom.image"),
    _w("a privileged port", {"spec.server": changed(CUSTOM, {"custom.port": 80})}, "greater than or equal to 1024", "spec.server.custom.port", "at least 1024"),
    _w("a probe at another host", {"spec.server": changed(CUSTOM, {"custom.probes": {"livePath": "http://x/"}})}, 'must be a path that starts with "/"', "spec.server.custom.probes.livePath"),
    _w("a metric with labels", {"spec.server": changed(CUSTOM, {"custom.metrics.names.requestCounter": 'n{a="b"}'})}, "must be a Prometheus metric without labels", "spec.server.custom.metrics.names.requestCounter"),
    _w("a custom server without metrics", {"spec.server": changed(CUSTOM, {"custom.metrics": GONE})}, "Required value", "spec.server.custom.metrics", "must be given"),
    _w("a custom server that does not say where its image runs", {"spec.server": changed(CUSTOM, {"custom.families": GONE})}, "must give families with image", "spec.server.custom.families"),
    _w("families without an image", {"spec.server": changed(CUSTOM, {"custom.image": GONE, "custom.variants": [{"family": "cpu", "image": CUSTOM["custom"]["image"]}]})}, "must give families with image", "spec.server.custom.families"),
    _w("a custom server without any image", {"spec.server": changed(CUSTOM, {"custom.image": GONE, "custom.families": GONE})}, "must give image, or an image in each of variants", "spec.server.custom.image"),
    _w("a variant that has no image to vary", {"spec.server": changed(CUSTOM, {"custom.image": GONE, "custom.families": GONE, "custom.variants": [{"family": "cpu"}]})}, "must give image, or an image in each of variants", "spec.server.custom.image"),
    _w("a variant by tag", {"spec.server": changed(CUSTOM, {"custom.variants": [{"family": "nvidia", "image": "example.com/a:v1"}]})}, "must be an image pinned by digest", "spec.server.custom.variants[0].image"),
    _w("a model over the root of the image", {"spec.server": changed(CUSTOM, {"custom.modelPath": "/"})}, "must be a folder from the root", "spec.server.custom.modelPath"),
    _w("a model over the pod's own /tmp", {"spec.server": changed(CUSTOM, {"custom.modelPath": "/tmp"})}, "must give a modelPath that is not /tmp", "spec.server.custom.modelPath"),
    _w("a model among the devices", {"spec.server": changed(CUSTOM, {"custom.modelPath": "/dev/shm"})}, "must give a modelPath that is not /tmp", "spec.server.custom.modelPath"),
    _w("a privileged port of metrics", {"spec.server": changed(CUSTOM, {"custom.metrics.port": 80})}, "must give metrics.port from 1024 on", "spec.server.custom.metrics.port"),
    _w("a model path that climbs", {"spec.server": changed(CUSTOM, {"custom.modelPath": "/models/../etc"})}, "must be a folder from the root", "spec.server.custom.modelPath"),
    _w("a custom server whose page is nowhere", {"spec.server": changed(CUSTOM, {"custom.metrics": {"profile": "vllm"}})}, "must give metrics.port", "spec.server.custom.metrics.port"),
    _w("tokens of a custom server that knows none", {"spec.server": changed(CUSTOM, {"custom.metrics": {"profile": "mlserver", "port": 8082}}), "spec.objective.latency.0.metric": "itl"}, "must be of times that the profile tells", "spec.objective.latency"),
    _w("a custom server without a histogram of what it promises", {"spec.server": CUSTOM, "spec.objective.latency.0.metric": "ttft"}, "must be of times that server.custom.metrics.names has a histogram of", "spec.objective.latency"),
    _w("a drain of a day", {"spec.server": changed(CUSTOM, {"custom.drain": {"timeoutSeconds": 86400}})}, "less than or equal to 3600", "spec.server.custom.drain.timeoutSeconds", "at most 3600"),
    _w("a variable with neither value nor secret", _env(), "must give exactly one of value and secret", "spec.server.custom.env[0].value"),
    _w("a variable by which the runtime is told", _env(value="{}") | {"spec.server": changed(CUSTOM, {"custom.env": [{"name": "STEELYARD_SERVE_SPEC", "value": "{}"}]})}, "must not begin with STEELYARD_", "spec.server.custom.env[0].name"),
    _w("a variable with both", _env(value="1", secret={"name": "s", "key": "k"}), "must give exactly one of value and secret", "spec.server.custom.env[0].value"),
    # compiling
    _w("a batch size twice", {"spec.compile": {"batchSizes": [8, 8]}}, "Duplicate value", "spec.compile.batchSizes", "must give each value once"),
    _w("no batch size", {"spec.compile": {"batchSizes": []}}, "at least 1 item", "spec.compile.batchSizes", "must have at least 1"),
    _w("too many shapes", {"spec.compile": {"batchSizes": [1, 2, 4, 8, 16], "sequenceLengths": [64, 128, 256, 512]}}, "must keep batchSizes times sequenceLengths at 16", "spec.compile.batchSizes"),
    _w("too many shapes for one family", {"spec.compile": {"families": [{"family": "cpu", "batchSizes": [1, 2, 4, 8, 16], "sequenceLengths": [64, 128, 256, 512]}]}}, "must keep batchSizes times sequenceLengths at 16", "spec.compile.batchSizes"),
    _w("a set twice inside a family", {"spec.compile": {"families": [{"family": "cpu", "batchSizes": [2, 2]}]}}, "Duplicate value", "spec.compile.families[0].batchSizes", "must give each value once"),
    _w("a variant that says nothing", {**NEAR, "spec.compile": {"variants": [{"name": "int8"}]}}, "at least one of backend, dtype and quantization", "spec.compile.variants[0]"),
    _w("a variant twice", {**NEAR, "spec.compile": {"variants": [{"name": "int8", "dtype": "bfloat16"}, {"name": "int8", "dtype": "float16"}]}}, "Duplicate value", "spec.compile.variants", "must give each name once"),
    _w("a variant whose name is no label", {**NEAR, "spec.compile": {"variants": [{"name": "int.8", "dtype": "bfloat16"}]}}, 'digits and "-"', "spec.compile.variants[0].name"),
    _w("variants without a limit of accuracy", {"spec.compile": {"variants": [{"name": "int8", "quantization": "Int8WeightOnly"}]}}, "nobody has said how near", "spec.objective.accuracy"),
    _w("variants that somebody else would size", {**NEAR, "spec.compile": {"variants": [{"name": "int8", "quantization": "Int8WeightOnly"}]}, "spec.scaling": {"owner": "External"}, "spec.rebalancing": {"mode": "Recommend"}}, "would decide which variant runs there", "spec.compile.variants"),
    _w("variants on a pool that must keep replicas", {**NEAR, "spec.compile": {"variants": [{"name": "int8", "quantization": "Int8WeightOnly"}]}, "spec.placement": {"pools": [{"name": "g5-xlarge", "minReplicas": 1}]}}, "of which variant replicas are to stay", "spec.placement.pools"),
    _w("variants of a server that exists", {"spec.server": EXISTING, "spec.compile": {"variants": [{"name": "int8", "quantization": "Int8WeightOnly"}]}, "spec.rebalancing": {"mode": "Observe"}}, "nothing is compiled for others", "spec.compile"),
    # what a server does not read
    _w("formats of what nobody compiles", {"spec.server": CUSTOM, "spec.compile": {"dtype": "bfloat16"}}, "must be left out unless the server is steelyard or vllm", "spec.compile"),
    _w("resources of a compile of what exists", {"spec.server": EXISTING, "spec.compile": {"resources": {"cpu": "4", "memory": "8Gi"}}}, "nothing is compiled for others", "spec.compile"),
    _w("batches of vllm", {"spec.server": VLLM, "spec.compile": {"batchSizes": [1, 16]}}, "it forms its own batches", "spec.compile"),
    _w("lengths of vllm for one family", {"spec.server": VLLM, "spec.compile": {"families": [{"family": "cpu", "sequenceLengths": [64]}]}}, "it forms its own batches", "spec.compile"),
    _w("8 bits by vllm", {"spec.server": VLLM, "spec.compile": {"backends": [{"name": "vllm", "quantization": "Int8Dynamic"}]}}, "give it a checkpoint whose weights are", "spec.compile"),
    _w("a compiler's flag for vllm", {"spec.server": VLLM, "spec.compile": {"flags": ["--optlevel=3"]}}, "takes server.vllm.arguments", "spec.compile"),
    _w("a compiler's flag for tensors", {"spec.model.task": "tensors", "spec.compile": {"flags": ["--optlevel=3"]}}, "back ends that read ONNX take no flags", "spec.compile"),
    _w("an encoder over two devices", {"spec.compile": {"families": [{"family": "nvidia", "tensorParallel": 2}]}}, "must leave tensorParallel at 1 with the steelyard server", "spec.compile"),
    _w("8-bit floats", {"spec.compile": {"quantization": "Fp8"}}, "no back end of this version makes the others", "spec.compile.quantization"),
    _w("4 bits as a variant", {**NEAR, "spec.compile": {"variants": [{"name": "int4", "quantization": "Int4WeightOnly"}]}}, "no back end of this version makes the others", "spec.compile.quantization"),
    _w("bounds of replicas that are not ours", {"spec.server": EXISTING, "spec.scaling": {"maxReplicas": 3}}, "how many replicas there are is its owner's to say", "spec.scaling"),
    _w("a rank of replicas that are not ours", {"spec.server": EXISTING, "spec.scaling": {"priority": 3}}, "how many replicas there are is its owner's to say", "spec.scaling"),
    _w("a queue of pods that are not ours", {"spec.server": EXISTING, "spec.pods": {"queueName": "team"}}, "no pod of it is made", "spec.pods"),
    _w("an account for compiles of an image", {"spec.server": CUSTOM, "spec.pods": {"compileServiceAccountName": "models"}}, "must leave out compileServiceAccountName when the server is custom", "spec.pods"),
    _w("the size of replicas that are not ours", {"spec.server": EXISTING, "spec.placement": {"pools": [{"name": "a", "resources": {"cpu": 1, "memory": "1Gi"}}]}}, "its pods say what a replica takes", "spec.placement.pools"),
    _w("a drill of what is not ours", {"spec.server": EXISTING, "spec.placement": {"exitDrill": {"budget": "1"}}}, "of which no replica is made", "spec.placement.exitDrill"),
    _w("a drill of a server that nobody knows how to ask", {"spec.server": CUSTOM, "spec.placement": {"exitDrill": {"budget": "1"}}}, "unless traffic.samples says what to ask it", "spec.placement.exitDrill"),
    _w("a probe of a server that nobody knows how to ask", {"spec.server": CUSTOM, "spec.rebalancing": {"exploration": {"probe": "Always"}}}, "must leave exploration.probe out with a custom server", "spec.rebalancing"),
    _w("a pause between moves of what is not moved", {"spec.server": EXISTING, "spec.rebalancing": {"cooldownSeconds": 600}}, "nothing of it is moved or tried", "spec.rebalancing"),
    _w("a budget to try what is not ours elsewhere", {"spec.server": EXISTING, "spec.rebalancing": {"exploration": {"budget": "1"}}}, "nothing of it is moved or tried", "spec.rebalancing"),
    _w("a secret for a model that nobody fetches", {"spec.server": EXISTING, "spec.model.secretName": "hub"}, "no model is fetched for it", "spec.model"),
    _w("a pool by name beside a selector", {"spec.placement": {"poolSelector": {}, "pools": [{"name": "a"}]}}, "its name alone allows no pool there", "spec.placement.pools"),
    _w("too many shapes for a family that takes lengths over", {"spec.compile": {"sequenceLengths": [64, 128, 256, 512], "families": [{"family": "cpu", "batchSizes": [1, 2, 4, 8, 16]}]}}, "for each family with what it takes over", "spec.compile.batchSizes"),
    _w("a flag that no back end honours", {"spec.compile": {"flags": ["--target=trn2"]}}, 'supported values: "--optlevel=1"', "spec.compile.flags[0]", "must be one of '--optlevel=1'"),
    _w("a flag of a shell", {"spec.compile": {"families": [{"family": "neuron-inf2", "flags": ["--optlevel=1; true"]}]}}, 'supported values: "--optlevel=1"', "spec.compile.families[0].flags[0]", "must be one of '--optlevel=1'"),
    _w("a flag twice", {"spec.compile": {"flags": ["--dynamic-batch"] * 2}}, "Duplicate value", "spec.compile.flags", "must give each value once"),
    _w("two levels at once", {"spec.compile": {"flags": ["--optlevel=1", "--optlevel=3"]}}, "must give --optlevel, --model-type and --logical-nc-config one value each", "spec.compile.flags"),
    _w("weights that are apart for batches that are cut", {"spec.compile": {"families": [{"family": "neuron-inf2", "flags": ["--dynamic-batch", "--separate-weights"]}]}}, "must not hold both", "spec.compile.families[0].flags"),
    _w("weights split in three", {"spec.compile": {"tensorParallel": 3}}, "must be a power of two", "spec.compile.tensorParallel"),
    _w("a number format that nobody has", {"spec.compile": {"dtype": "float8"}}, 'supported values: "Auto"', "spec.compile.dtype", "must be one of 'Auto'"),
    # the objective
    _w("no promise", {"spec.objective.latency": []}, "at least 1 item", "spec.objective.latency", "must have at least 1"),
    _w("a promise about every single request", {"spec.objective.latency.0.percent": "100"}, "must be a whole number from 1 to 99, or a quoted decimal", "spec.objective.latency[0].percent"),
    _w("the same without quotes", {"spec.objective.latency.0.percent": 100}, "must be a whole number from 1 to 99, or a quoted decimal", "spec.objective.latency[0].percent"),
    _w("a percentage without quotes", {"spec.objective.latency.0.percent": 99.5}, "must be of type integer,string", "spec.objective.latency[0].percent", "must be a string; quote it"),
    _w("the same metric twice", {"spec.objective.latency": [{"metric": "e2e", "milliseconds": 5}, {"metric": "e2e", "milliseconds": 9}]}, "Duplicate value", "spec.objective.latency", "must give each metric once"),
    _w("milliseconds in quotes", {"spec.objective.latency.0.milliseconds": "100"}, "must be of type integer", "spec.objective.latency[0].milliseconds", "whole number without quotes"),
    _w("a time to the first token from an encoder", {"spec.objective.latency.0.metric": "ttft"}, "must use the metric e2e with the steelyard server", "spec.objective.latency"),
    _w("cost by tokens without a server that counts them", {"spec.objective.unit": "OutputTokens"}, "must be GoodRequests unless the server is vllm", "spec.objective.unit"),
    _w("a price that is a float", {"spec.objective.maxUnitCost": 0.05}, "must be of type string", "spec.objective.maxUnitCost", "must be a string; quote it"),
    _w("a price with a currency", {"spec.objective.maxUnitCost": "$0.05"}, "without sign, currency or exponent", "spec.objective.maxUnitCost"),
    _w("a price of nothing", {"spec.objective.maxUnitCost": "0.00"}, "must be more than 0", "spec.objective.maxUnitCost"),
    # scaling
    _w("a minimum above the maximum", {"spec.scaling": {"minReplicas": 5, "maxReplicas": 3}}, "must not be more than maxReplicas", "spec.scaling.minReplicas"),
    _w("a minimum above the default maximum", {"spec.scaling": {"minReplicas": 11}}, "must not be more than maxReplicas", "spec.scaling.minReplicas"),
    _w("moving by itself with nothing to set", {"spec.scaling": {"owner": "External"}, "spec.rebalancing": {"mode": "Auto"}}, "must be Recommend or Observe", "spec.rebalancing.mode"),
    # placement
    _w("a pool's minimum above its maximum", {"spec.placement": {"pools": [{"name": "a", "minReplicas": 2, "maxReplicas": 1}]}}, "must not be more than maxReplicas of the same pool", "spec.placement.pools[0].minReplicas"),
    _w("pools that want more than all", {"spec.placement": {"pools": [{"name": "a", "minReplicas": 6}, {"name": "b", "minReplicas": 6}]}}, "must not ask for more minReplicas over its pools", "spec.placement.pools"),
    _w("the same pool twice", {"spec.placement": {"pools": [{"name": "a"}, {"name": "a"}]}}, "Duplicate value", "spec.placement.pools", "must give each name once"),
    _w("more families than replicas", {"spec.placement": {"minAcceleratorFamilies": 3}, "spec.scaling": {"maxReplicas": 2}}, "every family needs at least one replica", "spec.placement.minAcceleratorFamilies"),
    _w("a pool's name that cannot exist", {"spec.placement": {"pools": [{"name": "Inf2"}]}}, "must be the name of an AcceleratorPool", "spec.placement.pools[0].name"),
    _w("a replica without memory size", {"spec.placement": {"pools": [{"name": "a", "resources": {"cpu": 4}}]}}, "Required value", "spec.placement.pools[0].resources.memory", "must be given"),
    _w("a replica with no CPU", {"spec.placement": {"pools": [{"name": "a", "resources": {"cpu": 0, "memory": "1Gi"}}]}}, "must be a number of CPUs more than 0", "spec.placement.pools[0].resources.cpu"),
    _w("memory in a unit that does not exist", {"spec.placement": {"pools": [{"name": "a", "resources": {"cpu": "500m", "memory": "1GB"}}]}}, "must be an amount of memory", "spec.placement.pools[0].resources.memory"),
    _w("a label that is none", {"spec.placement": {"poolSelector": {"matchLabels": {"a b": "c"}}}}, "must use label keys only", "spec.placement.poolSelector.matchLabels"),
    _w("a selector In nothing", {"spec.placement": {"poolSelector": {"matchExpressions": [{"key": "a", "operator": "In"}]}}}, "must give values with In and NotIn", "spec.placement.poolSelector.matchExpressions[0].values"),
    _w("more than all on spot", {"spec.placement": {"maxSpotPercent": 101}}, "less than or equal to 100", "spec.placement.maxSpotPercent", "at most 100"),
    _w("a drill without a budget", {"spec.placement": {"exitDrill": {}}}, "Required value", "spec.placement.exitDrill.budget", "must be given"),
    _w("a drill for nothing", {"spec.placement": {"exitDrill": {"budget": "0"}}}, "is never taken for free", "spec.placement.exitDrill.budget"),
    _w("a drill's budget as a float", {"spec.placement": {"exitDrill": {"budget": 1.5}}}, "must be of type string", "spec.placement.exitDrill.budget", "must be a string; quote it"),
    _w("a drill every minute", {"spec.placement": {"exitDrill": {"everySeconds": 60, "budget": "1"}}}, "greater than or equal to 3600", "spec.placement.exitDrill.everySeconds", "at least 3600"),
    _w("a drill a year", {"spec.placement": {"exitDrill": {"everySeconds": 31536000, "budget": "1"}}}, "less than or equal to 7776000", "spec.placement.exitDrill.everySeconds", "at most 7776000"),
    # rebalancing
    _w("a cool-down shorter than a window", {"spec.rebalancing": {"cooldownSeconds": 30}}, "must be 0 or at least windowSeconds", "spec.rebalancing.cooldownSeconds"),
    _w("a deadline shorter than a window", {"spec.rebalancing": {"deadlineSeconds": 30, "bakeSeconds": 0, "exploration": {"deadlineSeconds": 30}}}, "a verdict needs one whole window", "spec.rebalancing.deadlineSeconds"),
    _w("an exploration beyond the deadline", {"spec.rebalancing": {"exploration": {"deadlineSeconds": 7200}}}, "must not be more than rebalancing.deadlineSeconds", "spec.rebalancing.exploration.deadlineSeconds"),
    _w("an exploration shorter than a window", {"spec.rebalancing": {"exploration": {"deadlineSeconds": 20}}}, "nothing is measured before one whole window", "spec.rebalancing.exploration.deadlineSeconds"),
    _w("a budget below nothing", {"spec.rebalancing": {"exploration": {"budget": "-1"}}}, "must be an amount as a quoted decimal", "spec.rebalancing.exploration.budget"),
    _w("a budget below nothing without quotes", {"spec.rebalancing": {"exploration": {"budget": -1}}}, "must be an amount as a quoted decimal", "spec.rebalancing.exploration.budget"),
    _w("a window of one second", {"spec.rebalancing": {"windowSeconds": 1}}, "greater than or equal to 5", "spec.rebalancing.windowSeconds", "at least 5"),
    _w("a mode that does not exist", {"spec.rebalancing": {"mode": "auto"}}, 'supported values: "Observe", "Recommend", "Auto"', "spec.rebalancing.mode", "must be one of 'Observe'"),
    _w("a pause in words", {"spec.rebalancing": {"paused": "yes"}}, "must be of type boolean", "spec.rebalancing.paused", "must be true or false"),
    _w("a label value that is none", {"spec.placement": {"poolSelector": {"matchLabels": {"a": "-"}}}}, "must be a label value", "spec.placement.poolSelector.matchLabels.a"),
    _w("a key of a secret that cannot exist", _env(secret={"name": "s", "key": "a b"}), "must be a key of the Secret", "spec.server.custom.env[0].secret.key"),
    _c("a part of a toolchain with an endless name", {"spec.toolchain": {"a" * 65: "1"}}, "must use names of at most 64 characters", "spec.toolchain"),
    _w("a misspelt field", {"spec.rebalancing": {"minSavingsPercent": 5}}, "unknown field", "spec.rebalancing.minSavingsPercent", "spelt minSavingPercent"),
    # names
    _w("a name that leaves no room for the pool's", {"metadata.name": "a" * 33}, "must have a name of at most 32", "", ""),
    _w("a name with a dot", {"metadata.name": "a.b"}, "must have a name of at most 32", "", ""),
    _p("a pool's name that leaves no room", {"metadata.name": "a" * 21}, "must have a name of at most 20", "", ""),
    _c("a compiled model's name that leaves no room", {"metadata.name": "a" * 53}, "must have a name of at most 52", "", ""),
    # pools
    _p("an accelerator without a resource", {"spec.accelerator.resourceName": GONE}, "must be given for every family but cpu", "spec.accelerator.resourceName"),
    _p("a CPU pool with devices", {"spec.accelerator.family": "cpu", "spec.backends": [{"name": "onnxruntime"}], "spec.shapes.0.devices": 0}, "must be left out for the family cpu", "spec.accelerator.resourceName"),
    _p("a shape without a device", {"spec.shapes.0.devices": 0}, "at least 1 for every other family", "spec.shapes"),
    _p("a family with capitals", {"spec.accelerator.family": "NVIDIA", "spec.backends": [{"name": "vllm"}]}, "must be an accelerator family in lower case", "spec.accelerator.family"),
    _p("the neuron compiler for another accelerator", {"spec.accelerator.family": "nvidia"}, "must not name neuron or optimum-neuron", "spec.backends"),
    _p("OpenVINO for an accelerator", {"spec.backends": [{"name": "openvino"}]}, "must not name openvino unless", "spec.backends"),
    _p("a back end twice", {"spec.backends": [{"name": "neuron"}, {"name": "neuron"}]}, "must name each back end once", "spec.backends"),
    _p("a pool of all nodes", {"spec.nodes.selector": {}}, "must have at least 1 label unless provisioner.nodePool", "spec.nodes.selector"),
    _p("a pool of nobody's nodes", {"spec.nodes": GONE}, "must have at least 1 label unless provisioner.nodePool", "spec.nodes.selector"),
    _p("a taint that exists with a value", {"spec.nodes.tolerations": [{"key": "a", "operator": "Exists", "value": "b"}]}, "must be left out when operator is Exists", "spec.nodes.tolerations[0].value"),
    _p("a taint without a key", {"spec.nodes.tolerations": [{"value": "b"}]}, "must be given unless operator is Exists", "spec.nodes.tolerations[0].key"),
    _p("a price without its class", {"spec.shapes.0.priceClass": GONE}, "must be given with pricePerHour and only with it: whether", "spec.shapes[0].priceClass"),
    _p("a price without its day", {"spec.shapes.0.asOf": GONE}, "the day the price was read", "spec.shapes[0].asOf"),
    _p("a source of no price", {"spec.shapes.0.pricePerHour": GONE, "spec.shapes.0.priceClass": GONE, "spec.shapes.0.asOf": GONE, "spec.shapes.0.priceSource": "a list"}, "must be left out without pricePerHour", "spec.shapes[0].priceSource"),
    _p("a price of nothing", {"spec.shapes.0.pricePerHour": "0"}, "is never taken for free", "spec.shapes[0].pricePerHour"),
    _p("a spot price for nodes on demand", {"spec.shapes.0.priceClass": "SpotMarket"}, "must not use the price class SpotMarket unless", "spec.shapes"),
    _p("a day that does not exist", {"spec.shapes.0.asOf": "2026-02-30"}, "must be of type date", "spec.shapes[0].asOf", "must be right"),
    _p("nodes without a bound", {"spec.provisioner": {"type": "Karpenter"}}, "without a limit there is no bound", "spec.capacity.maxNodes"),
    _p("a node group of Karpenter", {"spec.provisioner": {"type": "Karpenter", "nodePool": "a", "nodeGroup": "b"}}, "must be left out unless type is ClusterAutoscaler", "spec.provisioner.nodeGroup"),
    _p("a node group with blanks", {"spec.provisioner": {"type": "ClusterAutoscaler", "nodeGroup": "a b"}, "spec.capacity": {"maxNodes": 1}}, "must be the id of a node group", "spec.provisioner.nodeGroup"),
    _p("a cost told to nobody", {"spec.provisioner": {"publish": True}}, "must be false unless type is Karpenter", "spec.provisioner.publish"),
    _p("a cost told of no group", {"spec.provisioner": {"type": "ClusterAutoscaler", "publish": True}, "spec.capacity": {"maxNodes": 1}}, "must be false unless type is Karpenter", "spec.provisioner.publish"),
    _p("a price of nodes that are paid already", {"spec.provisioner": {"type": "Karpenter", "nodePool": "a", "publish": True}, "spec.capacity": {"type": "Reserved"}}, "must be false for a pool of Karpenter with capacity.type Reserved", "spec.provisioner.publish"),
    _p("nobody to ask", {"spec.provisioner": {"ask": "CheckCapacity"}}, "it answers ProvisioningRequests", "spec.provisioner.ask"),
    _p("a NodePool without Karpenter", {"spec.provisioner": {"nodePool": "a"}}, "must be left out unless type is Karpenter", "spec.provisioner.nodePool"),
    _p("a claim with neither ratio nor value", {"spec.claims": [_OFFER]}, "must give exactly one of ratio", "spec.claims[0].ratio"),
    _p("a claim with both", {"spec.claims.0.ratio": "0.3", "spec.claims.0.relativeTo": "g5"}, "must give exactly one of ratio", "spec.claims[0].ratio"),
    _p("a ratio relative to nothing", {"spec.claims": [{**_OFFER, "ratio": "0.3"}]}, "must be given with ratio and only with it", "spec.claims[0].relativeTo"),
    _p("a value without unit", {"spec.claims.0.unit": GONE}, "must be given with value: a value says nothing", "spec.claims[0].unit"),
    _p("a throughput in watts", {"spec.claims.0.unit": "Watts"}, "must fit the metric", "spec.claims[0].unit"),
    _p("a claim without source", {"spec.claims.0.source": GONE}, "Required value", "spec.claims[0].source", "must be given"),
    _p("two claims of one name", {"spec.claims": [{**_OFFER, "ratio": "0.3", "relativeTo": "g5"}] * 2}, "Duplicate value", "spec.claims", "must give each name once"),
    # compiled models
    _c("a key that is none", {"spec.key": "abc"}, "must be the compile key: 64", "spec.key"),
    _c("a number format that nobody has", {"spec.dtype": "float8"}, 'supported values: "Auto"', "spec.dtype", "must be one of 'Auto'"),
    _c("a neuron artifact without its cores", {"spec.logicalCores": GONE}, "must be given for the neuron back ends", "spec.logicalCores"),
    _c("too many compiled shapes", {"spec.batchSizes": [1, 2, 4, 8, 16], "spec.sequenceLengths": [64, 128, 256, 512]}, "at 16 shapes or fewer", "spec.batchSizes"),
    _c("no toolchain", {"spec.toolchain": {}}, "at least 1 properties", "spec.toolchain", "must have at least 1"),
    # trials
    _t("a trial's name that leaves no room", {"metadata.name": "a" * 41}, "must have a name of at most 40", "", ""),
    _t("a trial of nothing", {"spec.workloadName": GONE}, "Required value", "spec.workloadName", "must be given"),
    _t("a workload of another namespace", {"spec.workloadName": "other/embedder"}, "must be the name of an InferenceWorkload: lower case letters", "spec.workloadName"),
    _t("no pool to compare", {"spec.pools": []}, "at least 1 item", "spec.pools", "must have at least 1"),
    _t("a pool twice", {"spec.pools": ["inf2-xlarge", "inf2-xlarge"]}, "Duplicate value", "spec.pools", "must give each value once"),
    _t("other lengths of the users' own requests", {"spec.load": {"mode": "Live", "lengthFactors": ["2"]}}, "must be left out with mode Live", "spec.load.lengthFactors"),
    _t("the lengths as they are once more", {"spec.load": {"lengthFactors": ["1"]}}, 'not "1": the lengths as they are are measured anyway', "spec.load.lengthFactors[0]"),
    _t("a length that is written in two ways", {"spec.load": {"lengthFactors": ["2.0"]}}, "no zero at its end", "spec.load.lengthFactors[0]"),
    _t("a length a hundred times as long", {"spec.load": {"lengthFactors": ["100"]}}, 'from "0.1" to "10"', "spec.load.lengthFactors[0]"),
    _t("a length of nothing", {"spec.load": {"lengthFactors": ["0"]}}, 'from "0.1" to "10"', "spec.load.lengthFactors[0]"),
    _t("three other lengths", {"spec.load": {"lengthFactors": ["0.5", "2", "4"]}}, "must have at most 2 items", "spec.load.lengthFactors", "at most 2"),
    _t("a length twice", {"spec.load": {"lengthFactors": ["2", "2"]}}, "Duplicate value", "spec.load.lengthFactors", "each value once"),
    _t("a trial for nothing", {"spec.budget": "0"}, "is never taken for free", "spec.budget"),
    _t("a trial without a budget", {"spec.budget": GONE}, "Required value", "spec.budget", "must be given"),
    _t("copies of the users' requests", {"spec.load": {"mode": "Mirror"}}, "no gateway that mirrors requests", "spec.load.mode"),
    _t("a claim about a pool that is not tried", {"spec.claims.0.pool": "trn1"}, "must be about pools of this trial", "spec.claims"),
    _t("a ratio over one pool", {"spec.pools": ["inf2-xlarge"]}, "must have two pools for a ratio", "spec.claims"),
    _t("a ratio of a pool to itself", {"spec.claims.0.relativeTo": "inf2-xlarge"}, "must have two pools for a ratio", "spec.claims"),
    _t("a claim of nothing", {"spec.claims.0.ratio": GONE, "spec.claims.0.relativeTo": GONE}, "must give exactly one of ratio", "spec.claims[0].ratio"),
    _t("a ratio of nothing else", {"spec.claims.0.relativeTo": GONE}, "must be given with ratio and only with it", "spec.claims[0].relativeTo"),
    _t("two claims of a name", {"spec.claims": [{"name": "half", "pool": "inf2-xlarge", "metric": "Latency", "value": "9", "unit": "Milliseconds"}] * 2}, "Duplicate value", "spec.claims", "must give each name once"),
    _t("more load than time", {"spec.durationSeconds": 9000}, "must not be more than deadlineSeconds", "spec.durationSeconds"),
    _t("a load of a second", {"spec.durationSeconds": 1}, "greater than or equal to 60", "spec.durationSeconds", "at least 60"),
    _t("a stop in words", {"spec.stop": "now"}, "must be of type boolean", "spec.stop", "must be true or false"),
    # scale targets
    _s("a scale target under another's name", {"metadata.name": "embedder.g5-xlarge"}, "must be named WORKLOAD.POOL", "", ""),
    _s("fewer than no replica", {"spec.replicas": -1}, "greater than or equal to 0", "spec.replicas", "at least 0"),
    _s("a scale target of no pool", {"spec.pool": GONE}, "Required value", "spec.pool", "must be given"),
)  # fmt: skip


def nodes(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every node of a schema with its path."""
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    for keyword in ("items", "additionalProperties"):
        if keyword in schema:
            yield from nodes(schema[keyword], f"{path}[*]")
