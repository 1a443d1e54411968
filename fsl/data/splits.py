"""Which split a row belongs to, for life: a keyed hash of its group.

The key is the project's own, so nobody who writes texts can steer them into or out of the judge rows.
"""

import hmac
from collections.abc import Collection
from types import MappingProxyType
from typing import NamedTuple

from fsl.config import SplitConfig
from fsl.samples import Split
from fsl.store.layout_file import open_layout
from fsl.store.objects import ObjectStore

# Splits as bits, so that one number can hold those of many neighbours. A barred row passes nothing on.
FLAGS = MappingProxyType({Split.TRAIN: 1, Split.TUNE: 2, Split.JUDGE: 4, Split.BARRED: 0})


def load_split_key(store: ObjectStore, project: str) -> bytes:
    """Return the project's key; it is made with the project and never changes."""
    return bytes.fromhex(open_layout(store, project).split_key)


def split_of(group: str, split_key: bytes, shares: SplitConfig) -> Split:
    """Return the split of a group; the same group, key and shares always give the same."""
    digest = hmac.digest(split_key, group.encode(), "sha256")
    point = int.from_bytes(digest[:8], "big") / 2**64
    # Judge comes first: a later change of the other two shares moves no group across its border.
    if point < shares.judge:
        return Split.JUDGE
    return Split.TUNE if point < shares.judge + shares.tune else Split.TRAIN


def split_beside(own: Split, kin: Collection[Split]) -> Split:
    """Return the split of a row beside those of its near-duplicates that were accepted before.

    It joins them where they agree. Where they do not, it would carry what one split knows into another, so it is
    barred. Who the near-duplicates are is `checking.kin`'s.
    """
    others = set(kin) - {Split.BARRED}
    if len(others) > 1:
        return Split.BARRED
    return next(iter(others), own)


class SplitRule(NamedTuple):
    """How a text gets a split of its own."""

    key: bytes
    shares: SplitConfig

    def split_of(self, group: str) -> Split:
        return split_of(group, self.key, self.shares)


def splits_in(flags: int) -> tuple[Split, ...]:
    """Return the splits whose flags are set."""
    return tuple(split for split, flag in FLAGS.items() if flags & flag)
