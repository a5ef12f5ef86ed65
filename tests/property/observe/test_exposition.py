"""Our parser reads what the reference parser reads, and no input at all gets past it as something else than a refusal."""

import math

from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from steelyard.observe.contract import STEELYARD
from steelyard.observe.exposition import LINE, LONG, SERIES, parse
from steelyard.observe.failure import RejectedError
from steelyard.observe.promql import any_of, named, quoted
from steelyard.observe.termination import final
from unit.observe.pods import T0
from unit.observe.test_exposition import CUSTOM, TEXT, batches, exposition

labels = st.dictionaries(
    st.sampled_from(["a", "b", "le"]), st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from('"\\\n,={}#')), max_size=3
)


def line(name: str, pairs: dict[str, str], value: float) -> str:
    def escaped(text: str) -> str:
        return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

    inner = ",".join(f'{key}="{escaped(text)}"' for key, text in pairs.items())
    return f"{name}{{{inner}}} {value!r}" if inner else f"{name} {value!r}"


@given(st.lists(st.tuples(labels, st.floats(0, 1e15)), max_size=5, unique_by=lambda pair: tuple(sorted(pair[0].items()))))
def test_labels_and_values_are_read_as_the_reference_reads_them(series):
    text = "\n".join(line("wanted", pairs, value) for pairs, value in series) + "\n"
    reference = {tuple(sorted(s.labels.items())): s.value for family in text_string_to_metric_families(text) for s in family.samples}
    assert (
        dict(parse(text.encode(), frozenset({"wanted"})).series.get("wanted", {}))
        == reference
        == {tuple(sorted(p.items())): v for p, v in series}
    )


NUMBERS = ["1", "2.5", "1_0", "1e3", "NaN", "+Inf", "-1", "\u0661"]
SIGNS = ["{", "}", ",", " ", "  ", "\t", "\x0b", "# {", "\\", '"']
PIECES = st.sampled_from(["wanted", "other", "# TYPE wanted", 'a="b"', 'le="+Inf"', 'a="b c"', 'a="b} 5"', *SIGNS, *NUMBERS])
USUAL = st.builds("{}{} {}".format, st.sampled_from(["wanted", "other"]), st.sampled_from(["", '{a="b"}', '{a="c d"}']), st.integers(0, 9))


def outcome(text: str, wanted: frozenset[str]) -> object:
    """Everything that is kept, in its order, or why nothing is."""
    try:
        seen = parse(text.encode(), wanted)
    except RejectedError as error:
        return error.reason, error.detail
    return [(name, list(series.items())) for name, series in seen.series.items()], seen.declared


def with_care(lines: list[str], wanted: frozenset[str]) -> object:
    """A carriage return, which means nothing, makes each line one that is not as most are."""
    return outcome("".join(f"{line}\r\n" for line in lines), wanted)


@given(st.lists(USUAL | st.lists(PIECES, max_size=7).map("".join), max_size=4))
@example(['wanted{a="b"} 1', "other "])
@example(['wanted{a="b"} 1 2'])
@example(["wanted 1\t2"])
@example(["wanted 1_0"])
@example(["wanted \u0661"])
@example(["wanted NaN"])
@example(["wanted -1"])
def test_a_line_that_is_as_most_are_is_read_as_with_care(lines):
    wanted = frozenset({"wanted"})
    assert outcome("\n".join(lines), wanted) == with_care(lines, wanted)


PAGE = [*exposition(clock=4.0).splitlines(), *batches(3, 9), 'steelyard_server_info{model="m"} 1', "process_open_fds -1", "# EOF"]
VALUES = st.sampled_from([*NUMBERS, "", "1.2.3", "1e999", "-0", "0x1", ".5", "5.", "7 1700000000000", "0" * LINE, "1\t", "9 # {} 1"])
CHANGES = st.one_of(
    st.tuples(st.just("value"), VALUES | st.integers(0, 10**6).map(str)),
    st.tuples(st.just("line"), st.sampled_from(["", " ", "#", "<html>", "steelyard_server_workers", "# TYPE steelyard_server_workers 1"])),
    st.tuples(st.just("head"), st.sampled_from(["# a 1\n" * SERIES, "# " + "a" * LONG + "\n", 'a{b="}', "\x0b", " "])),
    st.tuples(st.sampled_from(["again", "labels"]), st.just("")),
)


@given(st.lists(st.tuples(st.integers(0, len(PAGE) - 1), CHANGES), max_size=4), st.sampled_from(["", "\n"]))
@example([(place, ("value", "8")) for place in range(len(PAGE))], "\n")
@example([(PAGE.index("steelyard_server_workers 1"), ("value", "1e999"))], "\n")
@example([(PAGE.index("steelyard_server_workers 1"), ("value", "0" * LINE))], "\n")
@example([(PAGE.index('steelyard_server_runs_total{size="8"} 3'), ("labels", ""))], "\n")
def test_a_page_that_differs_from_one_that_is_remembered_is_read_as_with_care(changes, end):
    parse("\n".join(PAGE).encode(), STEELYARD.wanted)
    lines = list(PAGE)
    for place, (kind, text) in changes:
        old = lines[place]
        lines[place] = {
            "value": f"{old.rpartition(' ')[0]} {text}",
            "line": text,
            "head": text + old,
            "again": f"{old}\n{old}",
            "labels": old.replace('"', "", 1),
        }[kind]
    page = "\n".join(lines)
    assert outcome(page + end, STEELYARD.wanted) == with_care(page.split("\n"), STEELYARD.wanted)


def attempt(body: bytes) -> None:
    for contract in (STEELYARD, CUSTOM):
        try:
            sample = contract.sample(parse(body, contract.wanted), T0, 0)
        except RejectedError:
            continue
        tally = sample.counts.tally
        assert min(tally.good, tally.slow, tally.error, tally.shed) >= 0
        assert all(math.isfinite(x) and x >= 0 for x in (sample.cpu_seconds, sample.start, sample.clock) if x is not None)


@given(st.binary(max_size=200))
@example(b"steelyard_server_requests_total" + b"{" * 5000)
@example(b'steelyard_server_requests_total{a="' + b"\\" * 5001)
def test_any_bytes_are_a_sample_or_a_refusal(body):
    attempt(body)


@given(st.sampled_from([exposition(clock=4.0), TEXT]), st.data())
def test_any_damage_is_a_sample_or_a_refusal(text, data):
    body = bytearray(text.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(body) - 1))
        body[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    attempt(bytes(body))


@given(st.text(max_size=60) | st.text(max_size=60).map(lambda t: '{"final":' + t))
def test_any_termination_message_is_counters_or_nothing_or_a_refusal(message):
    try:
        final(message)
    except RejectedError:
        return


@given(st.text())
def test_no_value_ends_its_own_quotes(value):
    inside = quoted(value)[1:-1]
    assert "\n" not in inside
    assert '"' not in inside.replace("\\\\", "").replace('\\"', "")
    assert named("up", {"pod": value}).endswith("}")


@given(st.lists(st.text(min_size=1), min_size=1, max_size=4))
def test_a_pattern_matches_its_values_and_no_other(values):
    import re

    pattern = re.compile(any_of(values))
    assert all(pattern.fullmatch(value) for value in values)
    assert not pattern.fullmatch("".join(values) + "x") or "".join(values) + "x" in values
