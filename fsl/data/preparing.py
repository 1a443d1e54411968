"""What is done to each row before anything of it is stored: personal data is masked, forgotten rows are emptied.

What a mask looks like is `masking`; what was forgotten is told by `fsl.data.forgetting.marks`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from fsl.config import DataConfig, RunConfig
from fsl.data.batches import BatchRecord
from fsl.data.checking.rows import Row, values_of
from fsl.data.forgetting.forget import sweep
from fsl.data.forgetting.marks import Marks
from fsl.data.masking import Masker
from fsl.data.reading.raw_rows import to_json
from fsl.data.tombstones import Tombstones, mark_key, read_tombstones
from fsl.store.objects import ObjectStore

FORGOTTEN = "asked to be forgotten"


@dataclass
class Preparation:
    """One file's rows on their way in."""

    tombstones: Tombstones
    marks: Marks
    masker: Masker | None = None
    n_forgotten: int = 0

    def __call__(self, row: Row) -> Row:
        """Return the row as it may be stored."""
        if self.marks.texts and self._is_forgotten(row):
            self.n_forgotten += 1
            # Nothing of it is kept, not even the line as it was read.
            return Row(row.line, raw="", forgotten=FORGOTTEN)
        return row if self.masker is None else _mask(row, self.masker)

    @property
    def masked(self) -> Mapping[str, int]:
        """How much personal data was masked in texts, by kind."""
        return dict(sorted(self.masker.counts.items())) if self.masker else {}

    @property
    def n_tombstones(self) -> int:
        """How many tombstones the file was held against; none where it held forgotten rows, so it is searched too."""
        return 0 if self.n_forgotten else self.tombstones.n

    def _is_forgotten(self, row: Row) -> bool:
        text = row.raw if row.text is None else row.text
        return self.marks.has_text(text) or (
            self.masker is not None and self.marks.has_text(self.masker.mask_value(text))
        )


def open_preparation(store: ObjectStore, config: DataConfig, split_key: bytes) -> Preparation:
    tombstones = read_tombstones(store)
    masker = Masker(config.mask, config.mask_region) if config.mask else None
    return Preparation(tombstones, Marks.of_tombstones(tombstones, mark_key(split_key)), masker)


def settle(store: ObjectStore, config: RunConfig, record: BatchRecord) -> None:
    """After a commit: search the batch for what was forgotten meanwhile, and clean the file that it came from."""
    if not read_tombstones(store).is_searched(record):
        sweep(store, config)


def _mask(row: Row, masker: Masker) -> Row:
    """Mask a row wherever it holds words: its text, all columns as they were read, and what is said against it."""
    values = values_of(row.raw)
    # Masks are as long as what they hide, so the spans of the canonical target stay where they are.
    return replace(
        row,
        text=None if row.text is None else masker.mask(row.text),
        raw=masker.mask_value(row.raw) if values is None else to_json(masker.mask_value(values)),
        given=masker.mask_value(row.given),
        reading_fault=masker.mask_value(row.reading_fault),
        target_fault=masker.mask_value(row.target_fault),
        time_fault=masker.mask_value(row.time_fault),
    )
