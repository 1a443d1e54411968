"""Edited copies of labelled texts, which say the same: with typos, other case, other punctuation, or noise.

The changes are those by which robustness is measured; a student that learnt from them is measured by others of the
same kinds.
"""

import zlib
from collections.abc import Sequence
from dataclasses import replace

from fsl.evaluation.examination.perturbations import PERTURBATIONS
from fsl.samples import Sample


def edited_copies(samples: Sequence[Sample], n_copies: int, *, seed: int) -> list[Sample]:
    """Return up to so many copies of each sample, each changed in another way in turn; spans go with their words.

    A copy keeps its sample's `row_id`. One that came out as it went in is left out.

    Source:
        Wei and Zou 2019 (EDA), arXiv:1901.11196, for learning from edited copies; Belinkov and Bisk 2018,
        arXiv:1711.02173, for typos.
    """
    changes = list(PERTURBATIONS.values())
    copies = []
    for sample in samples:
        own = zlib.crc32(sample.row_id.encode())
        for copy in range(n_copies):
            changed = changes[(own + copy) % len(changes)](sample.text, seed + own + copy)
            if changed.text != sample.text:
                copies.append(replace(sample, text=changed.text, target=changed.move(sample.target)))
    return copies
