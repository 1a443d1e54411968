"""Signatures and splits of rows and pool texts that were accepted: read, or computed where an older batch has none."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from fsl.data.batches import StoredTable
from fsl.data.minhash import N_HASHES, Signatures, build_signatures
from fsl.data.near_duplicates import Flags
from fsl.data.normalise import normal_form
from fsl.data.splits import FLAGS, SplitRule
from fsl.data.tables import load_blocks
from fsl.store.objects import ObjectStore


class SignedRows(NamedTuple):
    """Some accepted texts, as far as near-duplicates go."""

    signatures: Signatures
    flags: Flags  # of their splits

    def of(self, wanted: int) -> "SignedRows":
        """Return those whose split is one of the wanted flags."""
        chosen = (self.flags & wanted) > 0
        return SignedRows(self.signatures[chosen], self.flags[chosen])


def load_signed(store: ObjectStore, tables: Iterable[StoredTable], rule: SplitRule) -> Iterator[SignedRows]:
    """Yield the signatures and splits of these tables, block by block."""
    for table in tables:
        blocks = load_blocks(store, table.key, table.sha256, ("signature", "split"))
        first = next(blocks, None)
        if first is not None and {"signature", "split"} <= set(first.column_names):
            yield from map(_read, chain([first], blocks))
        elif first is not None:
            for block in load_blocks(store, table.key, table.sha256, ("text", "group", "split")):
                yield _compute(block, rule)


def join_signed(parts: Iterable[SignedRows]) -> SignedRows:
    """Return all of them as one."""
    found = list(parts)
    none = np.empty((0, N_HASHES), dtype=np.uint8)
    return SignedRows(
        np.concatenate([none, *(part.signatures for part in found)]),
        np.concatenate([np.empty(0, dtype=np.uint8), *(part.flags for part in found)]),
    )


def _read(block: Any) -> SignedRows:
    signatures = np.frombuffer(b"".join(block["signature"].to_pylist()), dtype=np.uint8).reshape(-1, N_HASHES)
    return SignedRows(signatures, _flags(block["split"].to_pylist()))


def _compute(block: Any, rule: SplitRule) -> SignedRows:
    splits = block["split"] if "split" in block.column_names else map(rule.split_of, block["group"].to_pylist())
    forms = [normal_form(text) for text in block["text"].to_pylist()]
    return SignedRows(build_signatures(forms), _flags(map(str, splits)))


def _flags(splits: Iterable[str]) -> Flags:
    by_name = {split.value: flag for split, flag in FLAGS.items()}
    return np.fromiter((by_name[split] for split in splits), dtype=np.uint8)
