"""How a bundle is run, and what it leaves unanswered: `serving`."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from fsl.config.base import Section, Share

Provider = Literal["cpu", "cuda", "tensorrt", "openvino"]


class ServingConfig(Section):
    """Where and how wide the predictor runs, and what it leaves unanswered.

    The latter is written into a bundle when it is made, so that a version is judged as it serves, wherever it does.
    """

    providers: tuple[Provider, ...] = Field(
        default=("cpu",), description="Where ONNX Runtime shall run, the first that is there; the CPU always is."
    )
    n_threads: Annotated[int, Field(ge=0)] = Field(
        default=0, description="Threads of one encoder run; 0: measured once on each machine for files, else the cores."
    )
    abstain_below: Share | None = Field(
        default=None, description="A text whose answer is less probable than this gets none: it is unsure."
    )
    max_error_when_answering: Annotated[float, Field(gt=0.0, lt=1.0)] | None = Field(
        default=None,
        description="Instead of a probability: the share of wrong ones among the answers that are given. Tune rows "
        "choose the probability. Geifman and El-Yaniv 2017, arXiv:1705.08500.",
    )
    scope_recall: Annotated[float, Field(gt=0.0, lt=1.0)] | None = Field(
        default=None,
        description="Texts farther from every label than this share of the known ones get no answer: they are out of "
        "scope. 0.95 gives up one known text in twenty. Lee et al. 2018, arXiv:1807.03888.",
    )

    @model_validator(mode="after")
    def _says_one_limit(self) -> "ServingConfig":
        if self.abstain_below is not None and self.max_error_when_answering is not None:
            raise ValueError("give `abstain_below` or `max_error_when_answering`, which chooses it; not both")
        return self

    @property
    def abstains(self) -> bool:
        """Whether any text may be left unanswered."""
        return any(one is not None for one in (self.abstain_below, self.max_error_when_answering, self.scope_recall))
