"""MLServer: mlserver start FOLDER, in which a model-settings.json names this class."""

import asyncio

from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class Sleeper(MLModel):
    """By the Open Inference Protocol."""

    async def load(self) -> bool:
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        asked = NumpyCodec.decode_input(payload.inputs[0])
        milliseconds = int(asked.reshape(-1)[0])
        if milliseconds < 0:
            raise RuntimeError("it was to fail")
        await asyncio.sleep(milliseconds / 1000)
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("slept", asked)])
