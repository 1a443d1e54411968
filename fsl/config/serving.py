"""How a bundle is run: `serving`."""

from typing import Annotated, Literal

from pydantic import Field

from fsl.config.base import Section

Provider = Literal["cpu", "cuda", "tensorrt", "openvino"]


class ServingConfig(Section):
    """Where and how wide the predictor runs. Nothing here changes an answer."""

    providers: tuple[Provider, ...] = Field(
        default=("cpu",), description="Where ONNX Runtime shall run, the first that is there; the CPU always is."
    )
    n_threads: Annotated[int, Field(ge=0)] = Field(
        default=0, description="Threads of one encoder run; 0: measured once on each machine for files, else the cores."
    )
