"""`python -m demo` without a cluster: what it needs, and which two variants it takes."""

import pytest

from demo import __main__ as demo

MODEL = ["--model-uri", "s3://models/minilm", "--model-digest", "sha256:0"]


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CLUSTER", "STEELYARD_CLUSTER"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("given", [[], MODEL[:2], MODEL[2:]])
def test_where_no_cluster_brings_a_model_both_its_place_and_its_digest_must_be_given(
    given: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert demo.main(given) == 2
    what, todo = capsys.readouterr().err.splitlines()
    assert what == "error: the demo needs a model that pods can reach"
    assert todo.startswith("  try: give --model-uri and --model-digest, or run `make demo`")


def test_a_cluster_that_exists_gets_no_model_either(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("STEELYARD_CLUSTER", "existing")
    monkeypatch.setenv("CLUSTER", "existing")
    assert demo.main([]) == 2
    assert "needs a model" in capsys.readouterr().err


def test_two_formats_of_one_back_end_are_refused_before_anything_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main([*MODEL, "--pool-a", "openvino/float32", "--pool-b", "openvino/float32/Int8Dynamic"]) == 2
    assert "both pools run openvino with different number formats" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        ([], ("onnxruntime", "openvino")),
        (["--pool-b", "eager"], ("onnxruntime", "eager")),
        (["--pool-a", "openvino", "--pool-b", "openvino"], ("openvino", "openvino")),
    ],
)
def test_the_model_and_the_variants_are_those_that_were_asked_for(
    options: list[str], chosen: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []

    def tell(_: object, *story: object) -> int:
        told.append(story)
        return 1

    monkeypatch.setattr(demo, "_tell", tell)
    assert demo.main([*MODEL, *options]) == 1
    assert told == [("s3://models/minilm", "sha256:0", tuple(demo.Variant(name) for name in chosen))]


def test_in_a_new_cluster_the_two_that_differ_most_on_this_processor_are_taken_unless_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    told, compared = [], (demo.Variant("eager"), demo.Variant("openvino", "float32"))
    monkeypatch.setenv("STEELYARD_CLUSTER", "demo")
    monkeypatch.setenv("STEELYARD_IMAGE_RUNTIME_COMPILE", "image")
    monkeypatch.setattr(demo.Cluster, "attach", lambda name: name)
    monkeypatch.setattr(demo, "_install", lambda cluster, text: (f"s3://{cluster}{'/llama' * text}", "sha256:1"))
    monkeypatch.setattr(demo, "choose", lambda *_: compared)
    monkeypatch.setattr(demo, "_tell", lambda _, *story: told.append(story) or 0)
    assert [demo.main([]), demo.main(["--pool-a", "eager"]), demo.main(["--text"])] == [0, 0, 0]
    assert told == [
        ("s3://demo", "sha256:1", compared),
        ("s3://demo", "sha256:1", (demo.Variant("eager"), demo.Variant("openvino"))),
        ("s3://demo/llama", "sha256:1", (demo.VLLM, demo.VLLM)),
    ]


def test_text_has_one_back_end_so_none_may_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main([*MODEL, "--text", "--pool-b", "eager"]) == 2
    assert "text is served by vLLM on both pools" in capsys.readouterr().err
