"""What can go wrong while exporting."""

from dataclasses import dataclass

from fsl.errors import FslError


@dataclass(eq=False)
class ExportNotFaithful(FslError):
    """The exported graph does not compute what was trained."""

    largest_error: float
    allowed: float
    text: str
    limit: str = "export.max_parity_error"

    def __str__(self) -> str:
        return (
            f"the exported graph differs from the trained model by {self.largest_error:.2g} (allowed: "
            f"{self.allowed:.2g}, {self.limit}) on {self.text[:80]!r}, so no version was made. Try another "
            f"version of torch or onnxruntime; `fsl doctor` shows which are installed."
        )


@dataclass(eq=False)
class BatchingNotFaithful(FslError):
    """An answer depends on the texts that are answered beside it."""

    largest_error: float
    allowed: float
    text: str
    limit: str

    def __str__(self) -> str:
        return (
            f"a probability changes by {self.largest_error:.2g} (allowed: {self.allowed:.2g}, {self.limit}) when "
            f"{self.text[:80]!r} is answered together with other texts, so no version was made. Set `export.int8` to "
            f"false, or try another version of onnxruntime; `fsl doctor` shows which are installed."
        )
