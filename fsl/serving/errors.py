"""What can go wrong while serving."""

from dataclasses import dataclass

from fsl.errors import FslError


@dataclass(eq=False)
class UnreadableText(FslError):
    """A row is not a text. The other rows of its batch are not at fault."""

    row: int
    got: str

    def __str__(self) -> str:
        return f"row {self.row} is {self.got}, but a text is needed. Leave the row out, or turn it into a str."


@dataclass(eq=False)
class BundleDamaged(FslError):
    """A bundle cannot be served."""

    folder: str
    file: str
    why: str

    def __str__(self) -> str:
        return (
            f"{self.file} in the bundle {self.folder} cannot be used: {self.why}. Remove the folder so that it is "
            f"fetched from the registry again, or see `fsl models ls` for another version."
        )
