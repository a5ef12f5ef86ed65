"""MLServer, with its adaptive batching: mlserver start FOLDER, in which a model-settings.json names this class and the folder of the artifact."""

import base64

import numpy as np
from engine import is_vision, work_of
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class Encoder(MLModel):
    """By the Open Inference Protocol. A row of its input is one text, a pair of them, or an image in base64."""

    async def load(self) -> bool:
        folder = self.settings.parameters.uri
        self.work, self.vision = work_of(folder), is_vision(folder)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        (tensor,) = payload.inputs
        data = list(tensor.data)
        if self.vision:
            rows = [base64.b64decode(each) for each in data]
        else:
            rows = data if tensor.shape[-1] == 1 else list(zip(data[::2], data[1::2], strict=True))
        found = self.work(rows)
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("output", np.asarray(found))])
