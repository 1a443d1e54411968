"""What is done to each row before anything of it is stored: personal data is masked, forgotten rows are emptied.

What a mask looks like is `masking`; what was forgotten is told by `fsl.data.forgetting.marks`.
"""

from collections import Counter
from dataclasses import dataclass, field

from fsl.config import RunConfig
from fsl.data.batches import BatchRecord
from fsl.data.checking.rows import Row
from fsl.data.forgetting.forget import sweep
from fsl.data.forgetting.marks import Marks
from fsl.data.tombstones import Tombstones, mark_key, read_tombstones
from fsl.store.objects import ObjectStore

FORGOTTEN = "asked to be forgotten"


@dataclass
class Preparation:
    """One file's rows on their way in."""

    tombstones: Tombstones
    marks: Marks
    n_forgotten: int = 0
    masked: Counter[str] = field(default_factory=Counter)

    def __call__(self, row: Row) -> Row:
        """Return the row as it may be stored."""
        if self.marks.texts and self._is_forgotten(row):
            self.n_forgotten += 1
            # Nothing of it is kept, not even the line as it was read.
            return Row(row.line, raw="", forgotten=FORGOTTEN)
        return row

    @property
    def n_tombstones(self) -> int:
        """How many tombstones the file was held against; none where it held forgotten rows, so it is searched too."""
        return 0 if self.n_forgotten else self.tombstones.n

    def _is_forgotten(self, row: Row) -> bool:
        return self.marks.has_text(row.raw if row.text is None else row.text)


def open_preparation(store: ObjectStore, split_key: bytes) -> Preparation:
    tombstones = read_tombstones(store)
    return Preparation(tombstones, Marks.of_tombstones(tombstones, mark_key(split_key)))


def settle(store: ObjectStore, config: RunConfig, record: BatchRecord) -> None:
    """After a commit: search the batch for what was forgotten meanwhile, and clean the file that it came from."""
    if not read_tombstones(store).is_searched(record):
        sweep(store, config)
