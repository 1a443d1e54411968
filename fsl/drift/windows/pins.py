"""Which rows a version's reference is, settled once: their ids alone, so that nothing that was served is copied."""

import json
import logging
from collections.abc import Sequence

from fsl.store import layout
from fsl.store.objects import ObjectStore

_log = logging.getLogger(__name__)
PIN = "reference.json"


def read_pin(store: ObjectStore, version: str) -> tuple[str, ...] | None:
    """Return the ids of the version's reference rows, or None where none were settled."""
    data = store.find(layout.drift_reference(version, PIN))
    if data is None:
        return None
    try:
        ids = json.loads(data)["ids"]
        return tuple(str(one) for one in ids)
    except (ValueError, TypeError, KeyError):
        _log.warning("%s cannot be read and is settled anew", store.where(layout.drift_reference(version, PIN)))
        return None


def write_pin(store: ObjectStore, version: str, ids: Sequence[str]) -> None:
    """Settle the reference. Of two that do so at once the last one holds: both read the same first rows."""
    store.put(layout.drift_reference(version, PIN), json.dumps({"ids": list(ids)}).encode())
