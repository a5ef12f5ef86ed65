"""Tensors by the Open Inference Protocol: what is sent is what is read, in JSON and in binary, and what cannot be is refused by name."""

import json
import struct
from typing import Any

import numpy as np
import pytest
import tritonclient.http
from hypothesis import given
from hypothesis import strategies as st

from steelyard_runtime.serve.infer_tensors import TensorRequest, Wanted, tensor_request, tensor_response
from steelyard_runtime.serve.request import Limits, Rejected
from steelyard_runtime.tensors.datatype import BY_NAME, DATATYPES, Datatype, Kind
from steelyard_runtime.tensors.signature import Tensor

X = Tensor("x", BY_NAME["FP32"], (None, 2))
N = Tensor("n", BY_NAME["INT8"], (None,))
Y = Tensor("y", BY_NAME["FP32"], (None, 3))
Z = Tensor("z", BY_NAME["BYTES"], (None,))
ROOM = 1 << 20
GOOD = {"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}


def read(
    body: bytes, header: int | str | None = None, inputs: tuple[Tensor, ...] = (X,), outputs: tuple[Tensor, ...] = (Y,)
) -> TensorRequest:
    return tensor_request(body, None if header is None else str(header), inputs, outputs, ROOM)


def in_json(*parts: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"inputs": list(parts), **more}).encode()


def in_binary(raw: bytes, size: object = None, **change: Any) -> tuple[bytes, int]:
    part = {
        "name": "x",
        "datatype": "FP32",
        "shape": [1, 2],
        "parameters": {"binary_data_size": len(raw) if size is None else size},
        **change,
    }
    head = in_json(part)
    return head + raw, len(head)


def array_of(datatype: Datatype, rows: int, chance: np.random.Generator) -> np.ndarray:
    match datatype.kind:
        case Kind.BYTES:
            found = np.empty((rows, 2), dtype=object)
            for row in found:
                row[:] = [chance.bytes(int(chance.integers(0, 9))), "ü€".encode()]
            return found
        case Kind.TRUTH:
            return chance.integers(0, 2, (rows, 2)).astype(np.bool_)
        case Kind.WHOLE:
            bounds = np.iinfo(np.dtype(datatype.dtype))
            return chance.integers(bounds.min, bounds.max, (rows, 2), dtype=np.dtype(datatype.dtype), endpoint=True)
        case Kind.NUMBER:
            return chance.standard_normal((rows, 2)).astype(datatype.dtype)


@pytest.mark.parametrize("datatype", DATATYPES, ids=lambda each: each.name)
@pytest.mark.parametrize("rows", [0, 1, 3])
def test_tritons_client_and_this_side_agree_on_every_datatype_in_both_directions(datatype: Datatype, rows: int) -> None:
    tensor = Tensor("t", datatype, (None, 2))
    sent = array_of(datatype, rows, np.random.default_rng(7))
    asked = tritonclient.http.InferInput("t", list(sent.shape), datatype.name)
    asked.set_data_from_numpy(sent, binary_data=True)
    body, length = tritonclient.http.InferenceServerClient.generate_request_body([asked])
    request = read(body, length, (tensor,), (tensor,))
    assert (request.inputs["t"].shape, request.inputs["t"].dtype.kind) == (sent.shape, np.dtype(datatype.dtype).kind)
    assert request.inputs["t"].tolist() == sent.tolist()
    assert request.wanted == (Wanted(tensor, True),), "Triton's client asks for binary answers unless it is told otherwise"
    answer, head = tensor_response("m", request, {"t": sent})
    parsed = tritonclient.http.InferenceServerClient.parse_response_body(answer, header_length=head)
    assert parsed.as_numpy("t").tolist() == sent.tolist()


@pytest.mark.parametrize("datatype", DATATYPES, ids=lambda each: each.name)
@pytest.mark.parametrize("flat", [True, False])
def test_json_carries_every_datatype_flat_or_nested(datatype: Datatype, flat: bool) -> None:
    tensor = Tensor("t", datatype, (None, 2))
    sent = array_of(datatype, 3, np.random.default_rng(8))
    if datatype.kind is Kind.BYTES:
        sent = np.array([["a", "ü€"]] * 3, dtype=object)
    data = sent.ravel().tolist() if flat else sent.tolist()
    request = read(in_json({"name": "t", "datatype": datatype.name, "shape": [3, 2], "data": data}), None, (tensor,), (tensor,))
    found = request.inputs["t"]
    assert found.shape == (3, 2)
    assert found.tolist() == ([[each.encode() for each in row] for row in sent.tolist()] if datatype.kind is Kind.BYTES else sent.tolist())
    answer, head = tensor_response("m", request, {"t": found})
    assert head is None
    output = json.loads(answer)["outputs"][0]
    assert (output["datatype"], output["shape"]) == (datatype.name, [3, 2])
    np.testing.assert_array_equal(np.array(output["data"], dtype=sent.dtype), sent.ravel())


def test_tensors_follow_each_other_in_the_order_of_the_json_and_may_be_mixed_with_it() -> None:
    head = in_json(
        {"name": "n", "datatype": "INT8", "shape": [3], "parameters": {"binary_data_size": 3}},
        {"name": "x", "datatype": "FP32", "shape": [1, 2], "parameters": {"binary_data_size": 8}},
        {"name": "w", "datatype": "BOOL", "shape": [1], "data": [True]},
    )
    body = head + bytes([1, 2, 255]) + struct.pack("<2f", 0.5, -3)
    found = read(body, len(head), (X, N, Tensor("w", BY_NAME["BOOL"], (None,)))).inputs
    assert (found["n"].tolist(), found["x"].tolist(), found["w"].tolist()) == ([1, 2, -1], [[0.5, -3.0]], [True])


@pytest.mark.parametrize(
    ("body", "header", "word"),
    [
        (*in_binary(b"\0" * 8, size=7), "binary_data_size is 7"),
        (*in_binary(b"\0" * 12), "2 elements of 4 bytes, which are 8; its binary_data_size is 12"),
        (*in_binary(b"\0" * 9), "which are 8; its binary_data_size is 9"),
        (*in_binary(b"\0" * 8, size=9), "8 bytes are left"),
        (*in_binary(b"\0" * 8, size=4), "binary_data_size is 4"),
        (*in_binary(b"\0" * 8, size=-8), "8 bytes are left"),
        (*in_binary(b"\0" * 8, size=True), "8 bytes are left"),
        (*in_binary(b"\0" * 8, size="8"), "8 bytes are left"),
        (*in_binary(b"\0" * 8, size=2**70), "8 bytes are left"),
        (in_binary(b"\0" * 8)[0] + b"\0", in_binary(b"\0" * 8)[1], "1 bytes follow the JSON part that no input"),
        (in_binary(b"\0" * 8)[0], in_binary(b"\0" * 8)[1] + 1, "JSON"),
        (in_binary(b"\0" * 8)[0], len(in_binary(b"\0" * 8)[0]) + 1, "must be the length of the JSON part"),
        (in_json(GOOD), "٣", "must be the length of the JSON part"),
        (in_json(GOOD), "1" * 40, "must be the length of the JSON part"),
        (*in_binary(b"\0" * 8, data=[1, 2]), "both data and binary_data_size"),
        (*in_binary(b"\0" * 12, shape=[1, 3]), r"must be \[-1, 2\]"),
        (*in_binary(b"\0" * 16, shape=[2, 2, 1]), r"must be \[-1, 2\]"),
        (*in_binary(b"\0" * 8, shape=[-1, 2]), r"must be \[-1, 2\]"),
        (*in_binary(b"\0" * 8, shape=[True, 2]), r"must be \[-1, 2\]"),
        (*in_binary(b"\0" * 8, shape=[2**31, 2]), r"must be \[-1, 2\]"),
        (*in_binary(b"\0" * 8, shape=[2**30, 2]), "more than 1048576 bytes"),
        (*in_binary(b"\0" * 8, datatype="FP64"), "must be FP32"),
        (*in_binary(b"\0" * 8, parameters={"shared_memory_region": "a"}), "shared_memory_region of 'x' is not served"),
        (*in_binary(b"\0" * 8, parameters=7), "must be an object"),
        (in_json({**GOOD, "data": [1]}), None, "1 elements, and its shape"),
        (in_json({**GOOD, "data": [1, "2"]}), None, "must be a number"),
        (in_json({**GOOD, "data": [1, True]}), None, "must be a number"),
        (in_json({**GOOD, "data": [1, None]}), None, "must be a number"),
        (in_json({**GOOD, "data": [1, [2]]}), None, "side by side"),
        (in_json({**GOOD, "data": json.loads("[" * 40 + "1, 2" + "]" * 40)}), None, "nested deeper than any shape"),
        (in_json({**GOOD, "data": [1e300, 2]}), None, "beyond what FP32 holds"),
        (in_json({**GOOD, "data": {"b64": ""}}), None, "has no data"),
        (in_json(GOOD, GOOD), None, "sent twice"),
        (in_json({**GOOD, "name": "other"}), None, "'other' is none of them"),
        (in_json({**GOOD, "name": ["x"]}), None, "none of them"),
        (in_json(), None, "inputs lack 'x'"),
        (b'{"inputs": 7}', None, "must be a list of tensors: 'x'"),
        (b"[]", None, "JSON object"),
        (in_json(GOOD, outputs=[{"name": "q"}]), None, "'q' is none of them"),
        (in_json(GOOD, outputs=[{"name": "y"}, {"name": "y"}]), None, "named twice"),
        (in_json(GOOD, outputs=[{"name": "y", "parameters": {"classification": 3}}]), None, "classification of 'y' is not served"),
        (in_json(GOOD, outputs=[{"name": "y", "parameters": {"binary_data": 1}}]), None, "true or false"),
        (in_json(GOOD, parameters=[]), None, "parameters must be an object"),
        (in_json(GOOD, id=7), None, "id must be a string"),
    ],
)
def test_what_lies_or_cannot_be_is_refused_by_name(body: bytes, header: int | str | None, word: str) -> None:
    with pytest.raises(Rejected, match=word) as refusal:
        read(body, header)
    assert refusal.value.status == 400


def test_an_empty_axis_hides_no_axes_that_are_too_long() -> None:
    wide = Tensor("x", BY_NAME["FP32"], (None,) * 4)
    with pytest.raises(Rejected, match="more than 1048576 bytes"):
        read(in_json({**GOOD, "shape": [0, *[2**31 - 1] * 3], "data": []}), None, (wide,))


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"\1\0\0", "ends within a length"),
        (b"\5\0\0\0abc", "ends within an element"),
        (b"\1\0\0\0a", "1 elements, and its shape 2"),
        (b"\0\0\0\0" * 3, "more than the 2 elements"),
        (b"\xff\xff\xff\xff", "ends within an element"),
    ],
)
def test_strings_whose_lengths_lie_are_refused(data: bytes, word: str) -> None:
    head = in_json({"name": "z", "datatype": "BYTES", "shape": [2], "parameters": {"binary_data_size": len(data)}})
    with pytest.raises(Rejected, match=word):
        read(head + data, len(head), (Z,))


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("INT8", 128, "-128 to 127"),
        ("UINT8", -1, "0 to 255"),
        ("UINT64", 2**64, "beyond what UINT64 holds"),
        ("INT64", 0.5, "no whole number"),
        ("BOOL", 1, "true or false"),
        ("FP16", 70000, "beyond what FP16 holds"),
        ("BYTES", 1, "a string"),
    ],
)
def test_a_number_that_a_datatype_does_not_hold_is_refused(name: str, value: object, word: str) -> None:
    tensor = Tensor("t", BY_NAME[name], (1,))
    with pytest.raises(Rejected, match=word):
        read(in_json({"name": "t", "datatype": name, "shape": [1], "data": [value]}), None, (tensor,))


def test_a_truth_in_binary_is_a_byte_of_0_or_1() -> None:
    tensor = Tensor("t", BY_NAME["BOOL"], (2,))
    head = in_json({"name": "t", "datatype": "BOOL", "shape": [2], "parameters": {"binary_data_size": 2}})
    assert read(head + b"\1\0", len(head), (tensor,)).inputs["t"].tolist() == [True, False]
    with pytest.raises(Rejected, match="0 or 1"):
        read(head + b"\2\0", len(head), (tensor,))


def test_json_says_what_it_cannot_hold_and_binary_holds_it() -> None:
    request = read(in_json(GOOD), None, (X,), (Y, Z))
    good = {"y": np.zeros((1, 3), np.float32), "z": np.array([b"a"], dtype=object)}
    assert json.loads(tensor_response("m", request, good)[0])["outputs"][1]["data"] == ["a"]
    for harm in ({"y": np.full((1, 3), np.inf, np.float32)}, {"z": np.array([b"\xff"], dtype=object)}):
        with pytest.raises(Rejected, match="ask for it in binary"):
            tensor_response("m", request, {**good, **harm})
        binary = read(in_json(GOOD, parameters={"binary_data_output": True}), None, (X,), (Y, Z))
        tensor_response("m", binary, {**good, **harm})


def test_an_answer_is_told_row_by_row_however_it_lies_in_memory() -> None:
    turned = np.arange(6, dtype=np.float32).reshape(3, 2).T
    assert json.loads(tensor_response("m", read(in_json(GOOD)), {"y": turned})[0])["outputs"][0]["data"] == [0, 2, 4, 1, 3, 5]
    body, head = tensor_response("m", read(in_json(GOOD, parameters={"binary_data_output": True})), {"y": turned})
    assert np.frombuffer(body[head:], "<f4").tolist() == [0, 2, 4, 1, 3, 5]


def test_an_answer_has_the_outputs_that_were_asked_for_each_as_it_was() -> None:
    asked = [{"name": "z"}, {"name": "y", "parameters": {"binary_data": True}}]
    request = read(in_json(GOOD, outputs=asked, id="seven"), None, (X,), (Y, Z))
    body, head = tensor_response("m", request, {"y": np.array([[1, 2, 3]], np.float32), "z": np.array(["a"], dtype=object)})
    document = json.loads(body[:head])
    assert (document["id"], document["model_name"]) == ("seven", "m")
    assert [output["name"] for output in document["outputs"]] == ["z", "y"]
    assert (document["outputs"][0]["data"], document["outputs"][1]["parameters"]) == (["a"], {"binary_data_size": 12})
    assert np.frombuffer(body[head:], "<f4").tolist() == [1, 2, 3]


def test_all_inputs_together_fill_the_room_to_its_last_byte() -> None:
    words = {"name": "z", "datatype": "BYTES", "shape": [3], "data": ["a", "b", "c"]}
    body = in_json({"name": "n", "datatype": "INT8", "shape": [8], "data": [0] * 8}, {**GOOD, "shape": [10, 2], "data": [1] * 20}, words)
    assert len(tensor_request(body, None, (X, N, Z), (Y,), 100).inputs) == 3
    with pytest.raises(Rejected, match="more than 99 bytes with 'z'"):
        tensor_request(body, None, (X, N, Z), (Y,), 99)


def test_more_values_than_a_request_may_have_in_json_are_sent_in_binary() -> None:
    wide = Tensor("t", BY_NAME["UINT8"], (None,))
    many = 1_100_000
    body = b'{"inputs":[{"name":"t","datatype":"UINT8","shape":[%d],"data":[%s]}]}' % (many, b",".join([b"1"] * many))
    with pytest.raises(Rejected, match="JSON values"):
        tensor_request(body, None, (wide,), (Y,), 1 << 24)


def test_rows_and_strings_beyond_what_a_request_may_have_are_refused_before_they_are_read() -> None:
    words = in_json({"name": "z", "datatype": "BYTES", "shape": [1_048_577], "parameters": {"binary_data_size": 0}})
    with pytest.raises(Rejected, match="1048577 elements of BYTES with 'z'; 1048576 are taken"):
        tensor_request(words, str(len(words)), (Z,), (Y,), 1 << 24)
    rows = in_json({**GOOD, "shape": [65, 2]})
    with pytest.raises(Rejected, match="x has 65 inputs; 1 to 64 are taken"):
        tensor_request(rows, None, (X,), (Y,), ROOM, rows=Limits(max_inputs=64, max_chars=1))


@given(st.binary(max_size=200), st.one_of(st.none(), st.integers(0, 210).map(str), st.text(max_size=4)))
def test_whatever_is_sent_is_read_or_refused(body: bytes, header: str | None) -> None:
    try:
        read(body, header, (X, Z))
    except Rejected as refusal:
        assert refusal.status == 400


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.sampled_from(["x", "z", "FP32", "BYTES", "y"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["inputs", "outputs", "name", "datatype", "shape", "data", "parameters", "binary_data_size", "binary_data", "id"]
            ),
            inner,
            max_size=6,
        ),
    ),
    max_leaves=20,
)


@given(JSON, st.binary(max_size=20))
def test_whatever_json_is_sent_is_read_or_refused(document: Any, binary: bytes) -> None:
    parts = document if isinstance(document, list) else [document]
    for whole in (
        document,
        {"inputs": parts, "outputs": parts},
        {"inputs": [{**GOOD, **(document if isinstance(document, dict) else {})}]},
    ):
        head = json.dumps(whole).encode()
        try:
            read(head + binary, len(head))
        except Rejected as refusal:
            assert refusal.status == 400
