"""What can go wrong when models are compared."""

from dataclasses import dataclass

from fsl.errors import FslError


@dataclass(eq=False)
class DifferentRows(FslError):
    """Two score sheets do not hold the same rows, so no paired test can be made."""

    champion: str
    challenger: str
    n_only_champion: int
    n_only_challenger: int
    n_other_truth: int
    example: str

    def __str__(self) -> str:
        return (
            f"{self.champion} and {self.challenger} were not scored on the same rows: {self.n_only_champion} only by "
            f"the first, {self.n_only_challenger} only by the second, {self.n_other_truth} with another truth "
            f"(for example row {self.example}). Score both again on the judge rows of one snapshot."
        )


@dataclass(eq=False)
class RepeatedRow(FslError):
    """A score sheet holds one row more than once."""

    version: str
    row_id: str

    def __str__(self) -> str:
        return f"row {self.row_id} stands more than once in the scores of {self.version}. Score each judge row once."


@dataclass(eq=False)
class UnreadableAnswer(FslError):
    """A truth or an answer is not in the problem's canonical form."""

    version: str
    row_id: str
    reason: str

    def __str__(self) -> str:
        return (
            f"the answer of {self.version} to row {self.row_id} cannot be read ({self.reason}). "
            f"Score the version again with the problem kind that it was trained for."
        )


@dataclass(eq=False)
class DamagedRecord(FslError):
    """Stored JSON does not describe the record that was asked for."""

    what: str
    faults: tuple[str, ...]

    def __str__(self) -> str:
        faults = "; ".join(self.faults[:3])
        return f"{self.what} cannot be read: {faults}. Remove it, and run the step that wrote it again."
