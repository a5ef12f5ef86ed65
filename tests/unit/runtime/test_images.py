"""Whatever is sent as an image is a picture of the model's size or is refused with a sentence, before it can take memory or time."""

import io
import json
import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from steelyard_runtime.compile.vision import random_pixels
from steelyard_runtime.failure import Failure, Reason
from steelyard_runtime.images.decode import MOST_PIXELS, decoded
from steelyard_runtime.images.preprocessing import NAME, preprocessing_of
from steelyard_runtime.serve.request import Rejected
from unit.runtime.tiny_vision import PREPROCESSOR

CLIP = {
    "image_processor_type": "CLIPImageProcessorFast",
    "size": {"shortest_edge": 12},
    "crop_size": {"height": 8, "width": 8},
    "resample": 3,
    "image_mean": [0.48, 0.46, 0.41],
    "image_std": [0.27, 0.26, 0.28],
}


def picture(width: int, height: int, mode: str = "RGB") -> Image.Image:
    chance = np.random.default_rng(width * height)
    return Image.fromarray(chance.integers(0, 256, (height, width, 3), dtype=np.uint8)).convert(mode)


def as_bytes(image: Image.Image, kind: str, **options: object) -> bytes:
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


def claiming(width: int, height: int, rows: int = 0) -> bytes:
    """A PNG of a few bytes that claims any size; its rows are black, as many as are said."""
    body = zlib.compress(b"\0" * (rows * (1 + 3 * width)), 9)
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), (b"IDAT", body), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def model_with(folder: Path, config: object) -> Path:
    (folder / NAME).write_text(config if isinstance(config, str) else json.dumps(config))
    return folder


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("PNG", "RGB"), ("PNG", "RGBA"), ("PNG", "L"), ("PNG", "P"), ("PNG", "1"), ("JPEG", "RGB"), ("JPEG", "CMYK"), ("WEBP", "RGB")],
)
def test_pictures_of_browsers_and_cameras_are_read_in_three_colours(kind: str, mode: str) -> None:
    found = decoded(as_bytes(picture(20, 10, mode), kind), "it")
    assert (found.mode, found.size) == ("RGB", (20, 10))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_picture_stands_as_its_camera_says_that_it_was_held(kind: str) -> None:
    image = Image.new("RGB", (20, 10), (255, 255, 255))
    image.paste((0, 0, 0), (0, 0, 10, 10))
    notes = Image.Exif()
    notes[0x0112] = 6  # a quarter turn to the right
    found = decoded(as_bytes(image, kind, exif=notes), "it")
    assert found.size == (10, 20)
    assert found.getpixel((5, 2))[0] < 64
    assert found.getpixel((5, 17))[0] > 192
    assert decoded(as_bytes(image, kind, exif=b"Exif\0\0MM\0*no"), "it").size == (20, 10), "notes that are broken turn nothing"


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "PPM", "ICO", "PDF", "TGA"])
def test_other_formats_are_refused_whatever_they_hold(kind: str) -> None:
    with pytest.raises(Rejected, match="it is no image that is read here; send JPEG, PNG or WEBP"):
        decoded(as_bytes(picture(32, 32), kind), "it")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0",
        as_bytes(picture(64, 64), "PNG")[:-200],
        as_bytes(picture(64, 64), "JPEG")[:300],
    ],
)
def test_what_is_broken_is_refused(data: bytes) -> None:
    with pytest.raises(Rejected, match=r"it is no image|it is broken"):
        decoded(data, "it")


@pytest.mark.parametrize(("width", "height"), [(1 << 15, 1 << 15), (1 << 30, 1 << 30), (MOST_PIXELS + 1, 1), (60_000, 60_000)])
def test_a_bomb_is_refused_by_what_it_claims_before_it_goes_off(width: int, height: int) -> None:
    bomb = claiming(width, height, rows=40 if width < 1 << 20 else 0)
    tracemalloc.start()
    try:
        with pytest.raises(Rejected, match="pixels") as refusal:
            decoded(bomb, "it")
        assert tracemalloc.get_traced_memory()[1] < 1 << 24
    finally:
        tracemalloc.stop()
    assert refusal.value.status == 400


def test_a_bomb_of_text_beside_the_picture_is_refused() -> None:
    chunk = b"zTXt"
    data = b"a\0\0" + zlib.compress(b"\0" * (1 << 26), 9)
    small = as_bytes(picture(8, 8), "PNG")
    bomb = small[:33] + struct.pack(">I", len(data)) + chunk + data + struct.pack(">I", zlib.crc32(chunk + data)) + small[33:]
    with pytest.raises(Rejected, match="it is broken"):
        decoded(bomb, "it")


@given(st.binary(max_size=300), st.sampled_from(["PNG", "JPEG", "WEBP"]), st.integers(0, 400))
def test_whatever_is_sent_is_a_picture_or_refused(data: bytes, kind: str, at: int) -> None:
    whole = as_bytes(picture(16, 16), kind)
    for each in (data, whole[:at] + data + whole[at:], whole[:at] + data):
        try:
            assert decoded(each, "it").mode == "RGB"
        except Rejected as refusal:
            assert refusal.status == 400


# What the model's own file says


def test_a_picture_is_resized_rescaled_and_normalised(tmp_path: Path) -> None:
    found = preprocessing_of(model_with(tmp_path, {**PREPROCESSOR, "size": {"height": 4, "width": 6}}))
    image = picture(30, 20)
    right = (np.asarray(image.resize((6, 4), resample=2), dtype=np.float64) / 255 - 0.5) / 0.5
    pixels = found.pixels(image)
    assert (pixels.shape, pixels.dtype) == ((3, 4, 6), np.float32)
    np.testing.assert_allclose(pixels, right.transpose(2, 0, 1), atol=1e-6)


@pytest.mark.parametrize(("width", "height", "resized"), [(48, 24, (24, 12)), (24, 48, (12, 24)), (20, 20, (12, 12)), (47, 25, (22, 12))])
def test_the_shorter_side_is_resized_and_the_middle_cut_out(width: int, height: int, resized: tuple[int, int], tmp_path: Path) -> None:
    found = preprocessing_of(model_with(tmp_path, CLIP))
    image = picture(width, height)
    whole = np.asarray(image.resize(resized, resample=3), dtype=np.float64)
    above, left = (resized[1] - 8) // 2, (resized[0] - 8) // 2
    right = (whole[above : above + 8, left : left + 8] / 255 - CLIP["image_mean"]) / CLIP["image_std"]
    np.testing.assert_allclose(found.pixels(image), right.transpose(2, 0, 1), atol=1e-6)


def test_a_picture_smaller_than_the_cut_has_black_around_it(tmp_path: Path) -> None:
    found = preprocessing_of(model_with(tmp_path, {**CLIP, "do_resize": False, "do_normalize": False, "do_rescale": False}))
    pixels = found.pixels(Image.new("RGB", (4, 6), (9, 9, 9)))
    assert pixels.shape == (3, 8, 8)
    assert (pixels == 9).sum() == 3 * 4 * 6
    assert (pixels[:, 1:7, 2:6] == 9).all()


def test_a_picture_smaller_on_one_side_keeps_its_middle_on_the_other(tmp_path: Path) -> None:
    found = preprocessing_of(model_with(tmp_path, {**CLIP, "do_resize": False, "do_normalize": False, "do_rescale": False}))
    image = picture(12, 6)
    assert (found.pixels(image)[:, 1:7].transpose(1, 2, 0) == np.asarray(image)[:, 2:10]).all()
    assert not found.pixels(image)[:, [0, 7]].any()


@pytest.mark.parametrize("size", [(1 << 20, 1), (1, 1 << 20), (1000, 1), (20_000, 20)])
def test_a_strip_does_not_become_a_wall(size: tuple[int, int], tmp_path: Path) -> None:
    found = preprocessing_of(model_with(tmp_path, {**CLIP, "size": {"shortest_edge": 64}}))
    strip = Image.new("RGB", size)
    tracemalloc.start()
    try:
        assert found.pixels(strip).shape == (3, 8, 8)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("size", [(4000, 100), (100, 4000)])
def test_of_a_strip_the_same_middle_is_cut_out(size: tuple[int, int], tmp_path: Path) -> None:
    found = preprocessing_of(model_with(tmp_path, CLIP))
    strip = picture(*size)
    resized = (480, 12) if size[0] > size[1] else (12, 480)
    whole = np.asarray(strip.resize(resized, resample=3), dtype=np.float64)
    above, left = (resized[1] - 8) // 2, (resized[0] - 8) // 2
    right = (whole[above : above + 8, left : left + 8] / 255 - CLIP["image_mean"]) / CLIP["image_std"]
    np.testing.assert_allclose(found.pixels(strip), right.transpose(2, 0, 1), atol=1e-6)


def test_a_picture_of_another_size_is_refused_where_nothing_resizes_it(tmp_path: Path) -> None:
    found = preprocessing_of(model_with(tmp_path, {**PREPROCESSOR, "do_resize": False}))
    assert found.pixels(picture(16, 16)).shape == (3, 16, 16)
    with pytest.raises(ValueError, match="has 30 x 20 pixels, and the model takes 16 x 16"):
        found.pixels(picture(30, 20))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"image_processor_type": "ConvNextImageProcessor"}, "is of ConvNextImageProcessor, which is not known here"),
        ({"image_processor_type": None}, "is of None"),
        ({"size": {"longest_edge": 9}}, "resizes neither to height and width"),
        ({"size": {"height": 0, "width": 4}}, "does not end in one size"),
        ({"size": {"height": 1 << 20, "width": 4}}, "does not end in one size"),
        ({"size": {"shortest_edge": 9}}, "does not end in one size"),
        ({**CLIP, "size": {"shortest_edge": 0}}, "does not end in one size"),
        ({**CLIP, "size": {"height": 0, "width": 4}}, "does not end in one size"),
        ({**CLIP, "size": {"height": 1 << 20, "width": 1 << 20}}, "does not end in one size"),
        ({"size": None}, "cannot be read"),
        ({"image_mean": [0.5]}, "normalises other than three colours"),
        ({"image_std": [0, 1, 1]}, "normalises other than three colours"),
        ({"image_mean": "grey"}, "cannot be read"),
    ],
)
def test_a_preprocessor_that_does_something_else_is_refused_and_not_guessed(change: dict[str, object], word: str, tmp_path: Path) -> None:
    with pytest.raises(Failure, match=word) as refusal:
        preprocessing_of(model_with(tmp_path, {**PREPROCESSOR, **change}))
    assert (refusal.value.kind, refusal.value.reason) == ("User", Reason.MODEL_UNREADABLE)


@pytest.mark.parametrize(("kind", "shortest"), [("CLIP", 12), ("Bit", 12), ("DeiT", None)])
def test_a_size_of_one_number_is_that_of_the_shorter_side_where_transformers_takes_it_so(
    kind: str, shortest: int | None, tmp_path: Path
) -> None:
    found = preprocessing_of(model_with(tmp_path, {**CLIP, "image_processor_type": f"{kind}ImageProcessor", "size": 12, "crop_size": 8}))
    assert (found.shortest, found.resized) == (shortest, None if shortest else (12, 12))
    assert found.pixels(picture(30, 20)).shape == (3, 8, 8)


@pytest.mark.parametrize("change", [PREPROCESSOR, CLIP, {**PREPROCESSOR, "do_resize": False}])
def test_golden_pictures_are_such_as_the_model_takes(change: dict[str, object], tmp_path: Path) -> None:
    found = preprocessing_of(model_with(tmp_path, change))
    assert [pixels.shape for pixels in random_pixels(found, 2, 1)] == [(1, 3, found.height, found.width)] * 2


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "null"])
def test_a_file_that_is_none_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(Failure, match="cannot be read"):
        preprocessing_of(model_with(tmp_path, text))
