"""A classifier of images as an ONNX graph: the eager reference, its golden samples, and torch's export of it. torch is imported on use."""

from pathlib import Path
from typing import Any

import numpy as np

from steelyard_runtime.compile.blame import blame_the_model
from steelyard_runtime.compile.spec import CompileSpec
from steelyard_runtime.images.preprocessing import Preprocessing
from steelyard_runtime.tasks.graph_task import Described
from steelyard_runtime.tensors.datatype import BY_NAME
from steelyard_runtime.tensors.graph import FILE
from steelyard_runtime.tensors.samples import Sample
from steelyard_runtime.tensors.signature import Signature, Tensor

INPUT, OUTPUT = "pixel_values", "logits"


def exported_vision(model: Path, preprocessing: Preprocessing, spec: CompileSpec, scratch: Path) -> Described:
    """Run the model on random images, and export it into an empty folder. Raises `Failure`."""
    import torch  # type: ignore[import-not-found]  # noqa: PLC0415

    classifier = load_vision(model)
    made = random_pixels(preprocessing, spec.golden_samples, spec.golden_seed)
    with torch.inference_mode(), blame_the_model("the model does not take what its preprocessor_config.json makes of images"):
        samples = [Sample({INPUT: pixels}, (classifier(torch.from_numpy(pixels)).numpy(),)) for pixels in made]
    # At least two rows, because tracers take a size of one for a constant.
    example = torch.from_numpy(np.concatenate([samples[0].inputs[INPUT]] * 2))
    with blame_the_model("torch does not export the model to ONNX"):
        torch.onnx.export(
            classifier,
            (example,),
            scratch / FILE,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=({0: torch.export.Dim.DYNAMIC},),
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    (logits,) = samples[0].outputs
    floats = BY_NAME["FP32"]
    given = Tensor(INPUT, floats, (None, *samples[0].inputs[INPUT].shape[1:]))
    return Described(scratch, Signature((given,), (Tensor(OUTPUT, floats, (None, logits.shape[1])),), batched=True), samples)


def load_vision(model: Path) -> Any:
    """Return the model in float32 on the CPU, ready to be traced: [batch, 3, height, width] to logits [batch, classes]. No code of the model's is
    ever run."""
    import torch  # noqa: PLC0415
    from transformers import AutoModelForImageClassification  # type: ignore[import-not-found]  # noqa: PLC0415

    with blame_the_model("transformers cannot load the model"):
        vision, loading = AutoModelForImageClassification.from_pretrained(
            str(model),
            trust_remote_code=False,
            use_safetensors=True,
            local_files_only=True,
            dtype=torch.float32,
            output_loading_info=True,
        )
        # transformers makes up what a checkpoint lacks, at random: a backbone alone has no classes.
        if loading["missing_keys"]:
            raise ValueError(f"it has no weights for {', '.join(sorted(loading['missing_keys'])[:5])}: it is no classifier of images")
        vision = vision.eval()

    class Vision(torch.nn.Module):  # type: ignore[misc]  # torch is not installed where types are checked
        """The model with its head."""

        def __init__(self) -> None:
            super().__init__()
            self.vision = vision

        def forward(self, pixel_values: Any) -> Any:
            """In float32."""
            return self.vision(pixel_values=pixel_values).logits.float()

    return Vision().eval()


def random_pixels(preprocessing: Preprocessing, count: int, seed: int) -> list[Any]:
    """Return [1, 3, height, width] of random pictures: a few large blocks of colour with some noise, as noise alone has no shapes."""
    from PIL import Image  # noqa: PLC0415

    chance = np.random.default_rng(seed)
    # Larger than the model takes, unless that is refused.
    more = 0 if preprocessing.shortest is None and preprocessing.resized is None and not preprocessing.cropped else 32
    found = []
    for _ in range(count):
        blocks = Image.fromarray(chance.integers(0, 256, (6, 6, 3), dtype=np.uint8))
        large = np.asarray(blocks.resize((preprocessing.width + more, preprocessing.height + more), resample=Image.Resampling.BICUBIC))
        noisy = np.clip(large + chance.normal(0, 8, large.shape), 0, 255).astype(np.uint8)
        found.append(preprocessing.pixels(Image.fromarray(noisy))[np.newaxis])
    return found
