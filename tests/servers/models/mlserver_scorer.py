"""MLServer: mlserver start FOLDER, which has the weights beside a model-settings.json that names this class."""

import asyncio
import json
import os
from pathlib import Path

import numpy
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse, Parameters
from mlserver.utils import get_model_uri


class Scorer(MLModel):
    """The sum of what it is asked by the weights of its file, and what the variable BIAS adds; and which pod answered. One after the other, each in as many
    milliseconds as MILLISECONDS says: what a replica carries is then the same on every machine."""

    async def load(self) -> bool:
        self._weights = numpy.array(json.loads(Path(await get_model_uri(self.settings)).read_text()))
        self._bias = int(os.environ.get("BIAS", "0"))
        self._seconds = int(os.environ.get("MILLISECONDS", "0")) / 1000
        self._turn = asyncio.Lock()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        asked = NumpyCodec.decode_input(payload.inputs[0])
        async with self._turn:
            await asyncio.sleep(self._seconds)
        score = numpy.array([int(asked.reshape(-1) @ self._weights) + self._bias])
        return InferenceResponse(
            model_name=self.name, outputs=[NumpyCodec.encode_output("score", score)], parameters=Parameters(pod=os.environ["HOSTNAME"])
        )
