"""The eager reference of models that end in classes: of a whole text or of each token, as one traced function (ids, mask) -> logits.

torch is imported on use.
"""

from pathlib import Path
from typing import Any

from steelyard_runtime.compile.blame import blame_the_model
from steelyard_runtime.compile.encoder import split


def load_classifier(model: Path, kind: str) -> Any:
    """Return the model in float32 on the CPU, ready to be traced. kind: the class of transformers that loads it. No code of the model's is ever
    run."""
    import torch  # type: ignore[import-not-found]  # noqa: PLC0415
    import transformers  # type: ignore[import-not-found]  # noqa: PLC0415

    with blame_the_model("transformers cannot load the model"):
        classifier, loading = getattr(transformers, kind).from_pretrained(
            str(model),
            trust_remote_code=False,
            use_safetensors=True,
            local_files_only=True,
            dtype=torch.float32,
            attn_implementation="sdpa",
            output_loading_info=True,
        )
        classifier = classifier.eval()
        # transformers makes up what a checkpoint lacks, at random: an encoder alone has no classes.
        if loading["missing_keys"]:
            names = ", ".join(sorted(loading["missing_keys"])[:5])
            raise ValueError(f"it has no weights for {names}: it is no model for this task")
    # Where there is one kind of segment only, second texts have none of their own.
    segments = (getattr(classifier.config, "type_vocab_size", None) or 0) > 1

    class Classifier(torch.nn.Module):  # type: ignore[misc]  # torch is not installed where types are checked
        """Transformer and head."""

        def __init__(self) -> None:
            super().__init__()
            self.classifier = classifier

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            """[batch, length] twice -> [batch, classes], or [batch, length, classes] of each token, in float32."""
            present, second = split(attention_mask)
            more = {"token_type_ids": second} if segments else {}
            return self.classifier(input_ids=input_ids, attention_mask=present, **more).logits.float()

    return Classifier().eval()
