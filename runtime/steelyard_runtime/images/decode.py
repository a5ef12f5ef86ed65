"""The bytes of an image to a picture, within bounds: what is sent may be of another format than it says, broken, or a bomb."""

import io
import warnings
from typing import Any

from steelyard_runtime.serve.request import Rejected

FORMATS = ("JPEG", "PNG", "WEBP")
"""What browsers and cameras send. Every further decoder is one more that reads what strangers wrote."""
MOST_PIXELS = 1 << 25
"""33.5 megapixels, 100 MB of colours: a flat PNG of a few kilobytes may claim thousands of times as many."""


def decoded(data: bytes, where: str) -> Any:
    """Return a picture in three colours, upright; raises `Rejected`. where: what the data is called in the request."""
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415  only what serves images needs it

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own bound is stricter
            picture = Image.open(io.BytesIO(data), formats=FORMATS)
            if picture.width * picture.height > MOST_PIXELS:
                raise Image.DecompressionBombError
            picture.load()
            return _upright(picture).convert("RGB")
    except UnidentifiedImageError as error:
        raise Rejected(400, f"{where} is no image that is read here; send {', '.join(FORMATS[:-1])} or {FORMATS[-1]}") from error
    except Image.DecompressionBombError as error:
        raise Rejected(400, f"{where} claims to have more than {MOST_PIXELS} pixels; make it smaller") from error
    except Exception as error:  # a decoder says in many ways that bytes are missing or wrong
        raise Rejected(
            400, f"{where} is broken: {(str(error).strip() or type(error).__name__).splitlines()[0][:200]}; send it again"
        ) from error


def _upright(picture: Any) -> Any:
    """As it is to be looked at: cameras write beside the pixels how they were held, and transformers' `load_image` turns by it too."""
    from PIL import ImageOps  # noqa: PLC0415

    try:
        return ImageOps.exif_transpose(picture)
    except Exception:  # broken notes beside a picture that is whole
        return picture
