"""MLServer: mlserver start FOLDER, which has the weights beside a model-settings.json that names this class."""

import json
import os
from pathlib import Path

import numpy
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse, Parameters
from mlserver.utils import get_model_uri


class Scorer(MLModel):
    """The sum of what it is asked by the weights of its file, and what the variable BIAS adds; and which pod answered."""

    async def load(self) -> bool:
        self._weights = numpy.array(json.loads(Path(await get_model_uri(self.settings)).read_text()))
        self._bias = int(os.environ.get("BIAS", "0"))
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        asked = NumpyCodec.decode_input(payload.inputs[0])
        score = numpy.array([int(asked.reshape(-1) @ self._weights) + self._bias])
        return InferenceResponse(
            model_name=self.name, outputs=[NumpyCodec.encode_output("score", score)], parameters=Parameters(pod=os.environ["HOSTNAME"])
        )
