import io
import json
import logging

import pytest

from steelyard.control import log


@pytest.fixture
def written():
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    stream = io.StringIO()

    def configured(style):
        log.configure(style=style, level="DEBUG", stream=stream)
        return stream

    yield configured
    for handler in list(root.handlers):
        root.removeHandler(handler)
    for handler in before:
        root.addHandler(handler)
    root.setLevel(level)


def test_json_lines_hold_sentence_and_fields(written):
    stream = written("json")
    log.get_logger("x", workload="a/b").bind(pool="inf2").info("placed", replicas=2, level="mine")
    line = json.loads(stream.getvalue())
    assert (line["message"], line["workload"], line["pool"], line["replicas"], line["level"]) == ("placed", "a/b", "inf2", 2, "info")
    assert line["level_"] == "mine" and line["time"].endswith("Z")


def test_console_lines_are_for_people(written):
    stream = written("console")
    log.get_logger("x").warning("held", reason="Frozen", note="two words")
    assert stream.getvalue().rstrip().endswith('held reason=Frozen note="two words"')


def test_other_libraries_extras_and_exceptions_are_kept(written):
    stream = written("json")
    try:
        raise RuntimeError("password=x https://user:hunter2@host/ Bearer abcdefghijkl")
    except RuntimeError:
        logging.getLogger("kopf").exception("failed %s", "here", extra={"k8s_ref": {"name": "a"}})
    line = json.loads(stream.getvalue())
    assert line["message"] == "failed here" and line["k8s_ref"] == {"name": "a"}
    assert "hunter2" not in line["exception"] and "abcdefghijkl" not in line["exception"]


@pytest.mark.parametrize("style", ["json", "console"])
def test_secrets_never_reach_the_line(written, style):
    stream = written(style)
    canary = "canary0123456789canary"
    logger = log.get_logger("x")
    logger.info(
        f"Bearer {canary} and https://host/?token={canary}&a=b and s3://key:{canary}@host and hf_{canary}",
        token=canary,
        authorization=f"Basic {canary}",
        client_secret=canary,
        apiKey=canary,
        nested={"password": canary, "list": [f"bearer {canary}"], "aws_secret_access_key": canary},
        jwt=f"eyJ{canary}.eyJ{canary}.{canary}",
        pem=f"-----BEGIN RSA PRIVATE KEY-----\n{canary}\n-----END RSA PRIVATE KEY-----",
    )
    assert canary not in stream.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        "BEARER\tcanary0123456789",
        "pa\u017f\u017fword=canary0123456789",
        "API_KEY=canary0123456789",
        "eyJcanary01.canary.canary",
        "a1://u:canary@h",
        "AKIACANARY0123456789",
        "ASIACANARY0123456789",
        "hf_canary0123456789canary",
        "-----BEGIN PRIVATE KEY-----canary",
    ],
)
def test_each_kind_of_secret_is_found_by_itself(text):
    assert "canary" not in log.redacted(text).lower()
    assert "canary" not in json.dumps(log.redacted([0.5, 1, {"a": [text, (text,)]}])).lower()


def test_what_a_name_hides_is_hidden_wherever_it_stands_and_numbers_stay_as_they_are():
    numbers = [*range(100), 0.5, True, None]
    found = log.redacted({"windows": [numbers, {"token": "canary", "password": b"canary", "tokens": numbers}], "secret": 7})
    assert found == {"windows": [numbers, {"token": log.HIDDEN, "password": log.HIDDEN, "tokens": numbers}], "secret": 7}


def test_what_only_names_a_secret_stays_readable():
    assert log.redacted({"secretName": "hub-token", "maxTokens": 5, "tokens": 7}) == {
        "secretName": "hub-token",
        "maxTokens": 5,
        "tokens": 7,
    }


def test_an_unknown_style_is_refused():
    with pytest.raises(ValueError, match="json or console"):
        log.configure(style="xml")
