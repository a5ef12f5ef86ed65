"""The arguments of `steelyard-runtime compare`, and what names one variant."""

import argparse
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Variant:
    """A back end with its number format, by the runtime's own words."""

    backend: str
    dtype: str
    quantization: str

    @classmethod
    def read(cls, text: str) -> "Variant":
        """BACKEND/DTYPE/QUANTIZATION; raises argparse.ArgumentTypeError."""
        match text.split("/"):
            case [str(backend), str(dtype), str(quantization)]:
                return cls(backend, dtype, quantization)
        raise argparse.ArgumentTypeError(f"{text!r} is not BACKEND/DTYPE/QUANTIZATION; for example openvino/default/int8dynamic")

    def __str__(self) -> str:
        return f"{self.backend}/{self.dtype}/{self.quantization}"


def add_compare_options(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments; `run_compare` reads them."""
    parser.add_argument("model", metavar="URI", help="address of the model, as spec.model.uri")
    parser.add_argument("--digest", help="its digest (steelyard-runtime digest DIR)")
    parser.add_argument("--revision", help="of a model on the Hugging Face hub: the commit in full")
    parser.add_argument(
        "--variant", required=True, action="append", type=Variant.read, metavar="BACKEND/DTYPE/QUANTIZATION", help="may be repeated"
    )
    parser.add_argument("--rounds", type=int, default=5, help="turns that each variant is timed in (default 5)")
    parser.add_argument("--samples", type=int, default=8, help="texts that are compared with the reference (default 8)")
    parser.add_argument("--batch", type=int, default=8, help="texts in one batch (default 8)")
    parser.add_argument("--length", type=int, default=64, help="tokens of each text (default 64)")
