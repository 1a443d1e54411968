"""What can go wrong when an answer is explained."""

from dataclasses import dataclass

from fsl.errors import FslError


@dataclass(eq=False)
class NotExplained(FslError):
    """There is no explanation for this kind of problem."""

    kind: str

    def __str__(self) -> str:
        return (
            f"explanations are for one label a text, and this project is of the kind {self.kind}: its answers name "
            f"the words they are about themselves. `fsl predict TEXT` shows them."
        )


@dataclass(eq=False)
class NothingToExplain(FslError):
    """The text holds no word."""

    def __str__(self) -> str:
        return "the text holds no word, so there is nothing to explain. Give a text with words."
