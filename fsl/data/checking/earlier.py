"""Rows of earlier batches beside the file at hand: looked up by digest, a block in memory at a time."""

import json
from collections.abc import Container, Iterable

from fsl.data.batches import BatchRecord
from fsl.data.checking.relations import Known, digest_of, sameness_of
from fsl.data.tables import load_blocks
from fsl.problems.base import Problem
from fsl.store.objects import ObjectStore


def load_known(
    store: ObjectStore, records: Iterable[BatchRecord], keys: Container[bytes], problem: Problem
) -> dict[bytes, Known]:
    """Return the accepted rows of these batches whose text is one of `keys`."""
    needed = ["group", "target", "source", "split"] + (["text"] if problem.unit == "word" else [])
    known: dict[bytes, Known] = {}
    for record in records:
        for block in load_blocks(store, record.rows.key, record.rows.sha256, needed):
            for row in block.to_pylist():
                key = sameness_of(row.get("text", ""), row["group"], problem.unit)
                if key in keys:
                    labels = problem.labels_in(json.loads(row["target"]))
                    known[key] = Known(digest_of(row["target"]), labels, record.seq, row["source"], row["split"])
    return known
