"""`steelyard observe`: what a running object tells of its server, and the object that measures it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from steelyard.api.existing import ExistingKind
from steelyard.api.inference_workload import InferenceWorkload
from steelyard.api.metrics_page import Profile
from steelyard.api.text import LABEL, WORKLOAD_NAME_MAX
from steelyard.cli.main import main
from steelyard.cli.observe_object import KINDS, PROFILES, Observed, as_lines, guess, manifest, named, untold, workload_name
from steelyard.cli.promise import METRICS, Promise, promise
from steelyard.observe.profiles import PROFILES as READ
from unit.cli.fake_api import fake_api

NAMESPACE = "shop"


def template(
    image: str = "vllm/vllm-openai:v0.20",
    args: list[str] | None = None,
    notes: dict[str, str] | None = None,
    env: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    container = {"name": "server", "image": image, "args": args or [], "env": env or []}
    return {"metadata": {"annotations": notes or {}}, "spec": {"containers": [container]}}


def test_kinds_and_profiles_are_those_of_the_api_and_ports_those_that_are_read() -> None:
    assert {title for title, _, _ in KINDS.values()} == {str(kind) for kind in ExistingKind}
    assert PROFILES.keys() == {str(word) for word in Profile}
    assert {name: server.port for name, server in PROFILES.items()} == {name: profile.port for name, profile in READ.items()}
    assert {name: set(server.told) for name, server in PROFILES.items()} == {
        name: {*profile.times, *profile.means, *profile.parts} for name, profile in READ.items()
    }
    assert {name: set(server.unseen) for name, server in PROFILES.items()} == {
        name: {*profile.means, *profile.parts} - {*profile.times} for name, profile in READ.items()
    }


@pytest.mark.parametrize(
    ("given_template", "profile", "port", "said"),
    [
        (template(), "vllm", None, "image vllm/vllm-openai:v0.20"),
        (template("registry.example.com/team/llm:1", ["vllm", "serve", "m"]), "vllm", None, "command of container server"),
        (template("seldonio/mlserver:1.7.1"), "mlserver", None, "image seldonio/mlserver:1.7.1"),
        (template(args=["--port", "8001"]), "vllm", 8001, "argument --port"),
        (template(args=["--port=9000"], notes={"prometheus.io/port": "9100"}), "vllm", 9100, "annotation prometheus.io/port"),
        (template("lmsysorg/sglang:v0.5.4"), "sglang", None, "port 30000: the usual one of sglang"),
        (template("example.com/x:1", ["python3", "-m", "sglang.launch_server", "--port=8000"]), "sglang", 8000, "argument --port"),
        (template("nvcr.io/nvidia/tensorrt-llm/release:1.2.0"), "trtllm", None, "image nvcr.io/nvidia/tensorrt-llm/release:1.2.0"),
        (template("example.com/x:1", ["trtllm-serve", "m", "--port", "9000"]), "trtllm", 9000, "command of container server"),
        (template("ghcr.io/huggingface/text-generation-inference:3.3.4-trtllm", ["--port", "8080"]), "tgi", 8080, "argument --port"),
        (
            template("ghcr.io/huggingface/text-embeddings-inference:cpu-1.8", env=[{"name": "PORT", "value": "8080"}]),
            "tei",
            8080,
            "variable PORT",
        ),
        (
            template("ghcr.io/huggingface/text-generation-inference:3.3", env=[{"name": "PORT", "value": "80"}]),
            "tgi",
            None,
            "variable PORT",
        ),
        (template("openvino/model_server:2026.0", ["--port", "9000", "--rest_port", "8888"]), "ovms", 8888, "argument --rest_port"),
        (template("registry.example.com/openvino/model_server@sha256:0"), "ovms", None, "the usual one of ovms"),
        (template("seldonio/mlserver:1.7.1", ["--port", "1"]), "mlserver", None, "the usual one of mlserver"),
        (template("example.com/x:1"), None, None, "example.com/x:1"),
        (template("nvcr.io/nvidia/tritonserver:26.01-vllm-python-py3"), "triton", None, "the usual one of triton"),
        (template("nvcr.io/nvidia/tritonserver:26.01-py3", ["--metrics-port=9002"]), "triton", 9002, "argument --metrics-port"),
        (template("pytorch/torchserve:0.12.0"), "torchserve", None, "image pytorch/torchserve:0.12.0"),
        (template("kserve/sklearnserver:v0.16.0", ["--http_port", "8000"]), "kserve", 8000, "argument --http_port"),
        (template("rayproject/ray:2.60.0-py311"), "rayserve", None, "the usual one of rayserve"),
        (
            template("registry.example.com/bento:1", ["bentoml", "serve"], env=[{"name": "PORT", "value": "3001"}]),
            "bentoml",
            3001,
            "variable PORT",
        ),
        (template("michaelf34/infinity:0.0.77", ["v2", "--port", "8000"]), "infinity", 8000, "argument --port"),
    ],
)
def test_what_is_guessed_says_by_what(given_template: dict[str, Any], profile: str | None, port: int | None, said: str) -> None:
    found = guess(given_template)
    assert (found.profile, found.port) == (profile, port)
    assert said in " ".join(found.said)


def test_the_port_is_that_of_the_servers_own_container() -> None:
    def beside(server: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
        return {"spec": {"containers": [{"name": "other", "image": "example.com/other:1", **other}, {"name": "server", **server}]}}

    proxied = guess(beside({"image": "vllm/vllm-openai:v0.11"}, {"args": ["--port=4180"]}))
    assert (proxied.profile, proxied.port) == ("vllm", None)
    tei = "ghcr.io/huggingface/text-embeddings-inference:cpu-1.8"
    beside_app = guess(beside({"image": tei, "args": ["--port", "8080"]}, {"env": [{"name": "PORT", "value": "3001"}]}))
    assert (beside_app.profile, beside_app.port) == ("tei", 8080)


def test_what_the_user_says_wins() -> None:
    assert guess(template("example.com/x:1"), "mlserver").profile == "mlserver"
    assert guess(template("pytorch/torchserve:0.12.0"), "vllm").profile == "vllm"


def test_an_image_tells_more_than_the_words_of_a_command() -> None:
    one = template("ghcr.io/huggingface/text-generation-inference:3.3", ["--model-id", "org/like-vllm"])
    assert guess(one).profile == "tgi"


def test_a_path_that_is_not_the_usual_one_is_kept() -> None:
    assert guess(template(notes={"prometheus.io/path": "/prom"})).path == "/prom"
    assert guess(template(notes={"prometheus.io/path": "/metrics"})).path is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("e2e=200ms:99", Promise("e2e", 200, "99")),
        ("ttft=1s:95.5", Promise("ttft", 1000, "95.5")),
        ("e2e=200:99", None),
        ("e2e=0ms:99", None),
        ("e2e=1s:100", None),
        ("e2e=1s:0", None),
        ("p99=1s:99", None),
    ],
)
def test_a_promise_is_typed_as_one_word(text: str, found: Promise | None) -> None:
    assert promise(text) == found


def test_kinds_may_be_typed_as_kubectl_takes_them() -> None:
    assert named("deploy/chat") == named("Deployment/chat") == ("deployment", "chat")
    assert named("sts/db") == ("statefulset", "db")
    assert named("pod/x") is None
    assert named("deployment/") is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["deployment/chat", "--port", "http"], "must be 1 to 65535, such as 8000; found 'http'"),
        (["deployment/chat", "--port", "65536"], "found '65536'"),
        (["deployment/chat", "--port", "0"], "found '0'"),
        (["deployment/chat", "--name", "Chat_1"], "a letter first, such as chat-1; found 'Chat_1'"),
        (["deployment/chat", "--name", "x" * 33], "at most 32 lower case letters"),
        (["deployment/chat", "--objective", "e2e=1s:100"], "a percentage below 100, such as e2e=200ms:99"),
        (["chat"], "must be KIND/NAME, such as deployment/chat"),
    ],
)
def test_wrong_words_are_refused_in_words(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["observe", *words])
    assert said in " ".join(capsys.readouterr().err.split())


asked = st.builds(
    Observed,
    namespace=st.just("team-a"),
    kind=st.sampled_from(sorted(KINDS)),
    object=st.from_regex(r"[a-z0-9][-a-z0-9.]{0,60}[a-z0-9]", fullmatch=True),
    name=st.just("chat"),
    profile=st.sampled_from(sorted(PROFILES)),
    promises=st.lists(
        st.builds(Promise, st.sampled_from(METRICS), st.integers(1, 3_600_000), st.sampled_from(["1", "99", "99.9", "95.125"])),
        min_size=1,
        max_size=3,
        unique_by=lambda p: p.metric,
    ),
    port=st.none() | st.integers(1, 65535),
    path=st.sampled_from([None, "/prom", "/a/b~c"]),
)


@given(asked)
def test_the_lines_say_what_the_object_says_and_the_api_takes_it(one: Observed) -> None:
    made = manifest(one)
    if untold(one.profile, one.promises):
        with pytest.raises(ValidationError, match="must be of times that the profile tells"):
            InferenceWorkload.model_validate(made)
        return
    InferenceWorkload.model_validate(made)
    text = as_lines(made)
    assert yaml.safe_load(text) == made
    assert len(text.splitlines()) <= 10


@given(st.from_regex(r"[a-z0-9][-a-z0-9.]{0,250}[a-z0-9]", fullmatch=True))
def test_a_workload_is_named_near_its_object(called: str) -> None:
    name = workload_name(called)
    assert re.fullmatch(LABEL, name) and len(name) <= WORKLOAD_NAME_MAX


# --- the command ------------------------------------------------------------------------------------------------------------------------


DEPLOYMENT = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/chat"


def test_it_prints_what_kubectl_applies_and_says_what_it_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with fake_api(tmp_path) as (api, config):
        api.objects[DEPLOYMENT] = {"metadata": {"name": "chat"}, "spec": {"template": template()}}
        code = main(["observe", "deployment/chat", "--objective", "e2e=200ms:99", "--kubeconfig", config])
    out, err = capsys.readouterr()
    assert code == 0
    workload = yaml.safe_load(out)
    assert workload["spec"]["server"]["existing"] == {"kind": "Deployment", "name": "chat", "metrics": {"profile": "vllm"}}
    assert workload["spec"]["objective"]["latency"] == [{"metric": "e2e", "milliseconds": 200, "percent": "99"}]
    assert "# profile vllm: image vllm/vllm-openai:v0.20" in err
    assert "assumed" not in err
    assert api.written == []


def test_apply_makes_it_and_says_what_to_look_at_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with fake_api(tmp_path) as (api, config):
        api.objects[DEPLOYMENT] = {"metadata": {"name": "chat"}, "spec": {"template": template()}}
        words = ["observe", "deploy/chat", "--apply", "--kubeconfig", config]
        assert main(words) == 0
        out, err = capsys.readouterr()
        assert main(words) == 2
        again = capsys.readouterr().err
    assert "made InferenceWorkload shop/chat; nothing of chat is changed" in out
    assert "steelyard explain chat -n shop -w" in out
    assert "objective e2e=1s:99: assumed" in err
    assert "there is an InferenceWorkload 'chat' in namespace 'shop' already" in again
    assert [method for method, *_ in api.written] == ["POST", "POST"]


def test_what_is_not_there_or_tells_nothing_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with fake_api(tmp_path) as (api, config):
        assert main(["observe", "deployment/chat", "--kubeconfig", config]) == 2
        assert "there is no Deployment 'chat' in namespace 'shop'" in capsys.readouterr().err
        api.objects[DEPLOYMENT] = {"metadata": {"name": "chat"}, "spec": {"template": template("example.com/x:1")}}
        assert main(["observe", "deployment/chat", "--kubeconfig", config]) == 2
    err = capsys.readouterr().err
    assert "its images are: example.com/x:1" in err
    assert "--profile vllm" in err


@pytest.mark.parametrize(
    ("image", "do"),
    [
        ("nvcr.io/nvidia/tritonserver:26.01-py3", "histogram_latencies=true promise ttft"),
        ("pytorch/torchserve:0.12.0", "--latency"),
        ("kserve/sklearnserver:v0.16.0", "--latency"),
    ],
)
def test_a_server_that_tells_means_alone_is_observed_and_it_is_said_what_will_not_be_known(
    image: str, do: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with fake_api(tmp_path) as (api, config):
        api.objects[DEPLOYMENT] = {"metadata": {"name": "chat"}, "spec": {"template": template(image)}}
        assert main(["observe", "deployment/chat", "--kubeconfig", config]) == 0
    out, err = capsys.readouterr()
    InferenceWorkload.model_validate(yaml.safe_load(out))
    assert "tells no histogram of e2e: costs of requests will be told, and not how many were good" in err and do in err


BY_NAME = ["--requests", "n_total", "--latency", "t_ms", "--unit", "Milliseconds", "--label", "handler=/predict", "--label", "handler=/v2"]


def test_metrics_of_any_other_server_are_given_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with fake_api(tmp_path) as (api, config):
        api.objects[DEPLOYMENT] = {"metadata": {"name": "chat"}, "spec": {"template": template("example.com/x:1")}}
        assert main(["observe", "deployment/chat", "--kubeconfig", config, "--port", "9000", *BY_NAME, "--status-label", "code"]) == 0
    made = yaml.safe_load(capsys.readouterr().out)
    InferenceWorkload.model_validate(made)
    assert made["spec"]["server"]["existing"]["metrics"] == {
        "names": {
            "requestCounter": "n_total",
            "statusLabel": "code",
            "latencyHistogram": "t_ms",
            "labels": [{"name": "handler", "values": ["/predict", "/v2"]}],
            "unit": "Milliseconds",
        },
        "port": 9000,
    }


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (BY_NAME, "give --port"),
        (["--port", "1", "--latency", "t"], "give --requests NAME"),
        (["--profile", "vllm", "--label", "model=a"], "give --requests NAME, and leave out --profile"),
        (["--profile", "vllm", "--unit", "Milliseconds"], "give --requests NAME, and leave out --profile"),
        (["--port", "1", "--requests", "n"], "give --latency NAME"),
        (["--port", "1", *BY_NAME, "--objective", "ttft=1s:95"], "give --first-token NAME"),
        (["--port", "1", *BY_NAME, "--profile", "vllm"], "leave out --profile"),
    ],
)
def test_names_that_do_not_do_say_which_is_lacking(words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with fake_api(tmp_path) as (api, config):
        api.objects[DEPLOYMENT] = {"metadata": {"name": "chat"}, "spec": {"template": template("example.com/x:1")}}
        assert main(["observe", "deployment/chat", "--kubeconfig", config, *words]) == 2
    assert said in capsys.readouterr().err


def test_a_port_and_a_path_that_are_annotated_are_those_of_named_metrics(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with fake_api(tmp_path) as (api, config):
        api.objects[DEPLOYMENT] = {
            "metadata": {"name": "chat"},
            "spec": {"template": template("x:1", notes={"prometheus.io/port": "9100", "prometheus.io/path": "/stats"})},
        }
        assert main(["observe", "deployment/chat", "--kubeconfig", config, *BY_NAME]) == 0
    metrics = yaml.safe_load(capsys.readouterr().out)["spec"]["server"]["existing"]["metrics"]
    assert (metrics["port"], metrics["path"]) == (9100, "/stats")


def test_a_promise_that_the_server_cannot_tell_is_refused_with_those_that_it_can(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with fake_api(tmp_path) as (api, config):
        api.objects[DEPLOYMENT] = {"metadata": {"name": "chat"}, "spec": {"template": template("lmsysorg/sglang:v0.5.4")}}
        words = ["observe", "deployment/chat", "--kubeconfig", config, "--objective", "ttft=1s:95"]
        assert main(words) == 0
        capsys.readouterr()
        assert main([*words, "--objective", "itl=50ms:99"]) == 2
    err = capsys.readouterr().err
    assert "a server of profile sglang does not tell itl by a histogram" in err
    assert "promise e2e or ttft" in err
