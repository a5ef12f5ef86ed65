"""What a vision model's preprocessor does to a picture, by its own preprocessor_config.json, as transformers' processors on Pillow do it.

Resize, crop, rescale, normalise: huggingface/transformers `image_processing_vit.py`, `image_processing_deit.py`, `image_processing_clip.py`. A
processor that does anything else is refused, not guessed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steelyard_runtime.failure import Failure, Reason, user_failure

NAME = "preprocessor_config.json"
PROCESSORS = (
    "ViTImageProcessor",
    "DeiTImageProcessor",
    "BitImageProcessor",
    "CLIPImageProcessor",
    "SiglipImageProcessor",
    "ViTFeatureExtractor",
)
"""transformers' classes that do these steps and no other, also with Fast or Pil at the end."""
CROPPING = ("DeiTImageProcessor", "BitImageProcessor", "CLIPImageProcessor")
"""Those that crop where the file does not say."""
BY_SHORTEST = ("BitImageProcessor", "CLIPImageProcessor")
"""Those that take a size of one number for that of the shorter side (transformers' `default_to_square=False`)."""
CHANNELS = 3
LARGEST_SIDE = 4096
STRIP = 16
"""Times as long as it is wide, beyond which a picture's ends are cut off before it is resized."""


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """height, width: what the model takes. shortest: the side that a picture's shorter one is resized to before it is cropped; None where it
    is resized to `resized` (height, width) whatever its shape, or not at all where that is None too."""

    height: int
    width: int
    shortest: int | None
    resized: tuple[int, int] | None
    resample: int
    cropped: bool
    rescale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def pixels(self, picture: Any) -> NDArray[np.float32]:
        """Return [3, height, width] of a picture in three colours. Raises `ValueError` where it is not resized and of another size."""
        if self.shortest is not None:
            picture = self._middle(picture, self.shortest)
        if (size := self._size(*picture.size)) is not None:
            picture = picture.resize(size, resample=self.resample)
        # Cut before it is made of floats, which are four times as large.
        colours: NDArray[np.uint8] = np.asarray(picture)
        values = (_centre(colours, self.height, self.width) if self.cropped else colours).astype(np.float32)
        if values.shape[:2] != (self.height, self.width):
            raise ValueError(
                f"the image has {values.shape[1]} x {values.shape[0]} pixels, and the model takes {self.width} x {self.height}"
            )
        mean, std = np.array(self.mean, np.float32), np.array(self.std, np.float32)
        found: NDArray[np.float32] = (values * np.float32(self.rescale) - mean) / std
        return np.ascontiguousarray(found.transpose(2, 0, 1))

    def _middle(self, picture: Any, shortest: int) -> Any:
        """Return the middle of a picture that is far longer than what is cut out of it: resized as a whole, a line of pixels would fill the memory."""
        width, height = picture.size
        most = min(width, height) * max(STRIP, -(-2 * max(self.height, self.width) // shortest))
        if max(width, height) <= most:
            return picture
        begin = (max(width, height) - most) // 2
        return picture.crop((begin, 0, begin + most, height) if width > height else (0, begin, width, begin + most))

    def _size(self, width: int, height: int) -> tuple[int, int] | None:
        """Width and height that a picture is resized to."""
        if self.resized is not None:
            return self.resized[1], self.resized[0]
        if self.shortest is None:
            return None
        short, long = sorted((width, height))
        longer = int(self.shortest * long / short)
        return (self.shortest, longer) if width <= height else (longer, self.shortest)


def preprocessing_of(model: Path) -> Preprocessing:
    """Read a model's own; raises `Failure`."""
    try:
        config: Any = json.loads((model / NAME).read_text())
        kind = str(config.get("image_processor_type") or config.get("feature_extractor_type")).removesuffix("Fast").removesuffix("Pil")
        if kind not in PROCESSORS:
            raise _refused(f"is of {kind}, which is not known here; known are {', '.join(PROCESSORS)}")
        return _read(kind, config)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise _refused(f"cannot be read: {error!r:.300}") from error


def _read(kind: str, config: Mapping[str, Any]) -> Preprocessing:
    size = _sides(config["size"], square=kind not in BY_SHORTEST)
    crop = _sides(config.get("crop_size", config["size"]))
    resizes, crops = config.get("do_resize", True), config.get("do_center_crop", kind in CROPPING)
    shortest = size.get("shortest_edge") if resizes else None
    both = (size["height"], size["width"]) if {"height", "width"} <= size.keys() else None
    target = both if resizes and shortest is None else None
    last = (crop["height"], crop["width"]) if crops else both
    if resizes and shortest is None and target is None:
        raise _refused("resizes neither to height and width nor to a shortest_edge")
    if last is None or not all(1 <= side <= LARGEST_SIDE for side in (*last, *(target or ()), 1 if shortest is None else shortest)):
        raise _refused(f"does not end in one size from 1 to {LARGEST_SIDE} a side: resize to height and width, or crop")
    normalizes = config.get("do_normalize", True)
    mean = tuple(map(float, config["image_mean"])) if normalizes else (0.0,) * CHANNELS
    std = tuple(map(float, config["image_std"])) if normalizes else (1.0,) * CHANNELS
    if len(mean) != CHANNELS or len(std) != CHANNELS or not all(std):
        raise _refused("normalises other than three colours")
    rescale = float(config.get("rescale_factor", 1 / 255)) if config.get("do_rescale", True) else 1.0
    return Preprocessing(*last, shortest, target, int(config.get("resample", 2)), bool(crops), rescale, mean, std)


def _sides(size: Any, *, square: bool = True) -> dict[str, int]:
    """Older files give one number: both sides, or else the shorter one."""
    if isinstance(size, int):
        return {"height": size, "width": size} if square else {"shortest_edge": size}
    return {name: int(value) for name, value in dict(size).items()}


def _centre(values: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Cut out the middle; where the picture is smaller, there is black around it."""
    above, left = (values.shape[0] - height) // 2, (values.shape[1] - width) // 2
    if above < 0 or left < 0:
        room = [(max(0, -above), max(0, height - values.shape[0] + above)), (max(0, -left), max(0, width - values.shape[1] + left)), (0, 0)]
        values = np.pad(values, room)
        above, left = max(0, above), max(0, left)
    return values[above : above + height, left : left + width]


def _refused(what: str) -> Failure:
    return user_failure(Reason.MODEL_UNREADABLE, f"the model's {NAME} {what}")
