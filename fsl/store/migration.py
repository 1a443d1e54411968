"""Bringing a bucket that an older fsl wrote to the layout of this one: one step for each layout there ever was.

Each step may be killed and run again, by several people at once, and changes no object that a step before it made.
What the layout is today is `fsl.store.layout`.
"""

import hashlib
import json
import logging
from collections.abc import Callable
from typing import Any

from fsl.store import documents, layout
from fsl.store.layout_file import layout_version
from fsl.store.objects import ObjectStore
from fsl.store.transfer_errors import NoProjectThere

log = logging.getLogger(__name__)


def migrate(store: ObjectStore) -> tuple[str, ...]:
    """Bring a project's prefix to this layout. Returns what was done, in words; nothing where nothing was to do.

    Raises:
        NoProjectThere: there is nothing to migrate.
        RestoreUnfinished: it is being restored.
        LayoutTooNew: a newer fsl wrote it.
        DamagedObject: its layout file is none.
    """
    done: list[str] = []
    while True:
        data = store.find(layout.LAYOUT)
        where = store.where(layout.LAYOUT)
        if data is None:
            raise NoProjectThere(store.where())
        version = layout_version(data, where)
        if version == layout.LAYOUT_VERSION:
            return tuple(done)
        done.append(_STEPS[version](store, data))
        log.info("%s: %s", store.where(), done[-1])


def _name_the_registry(store: ObjectStore, before: bytes) -> str:
    """Layout 2: the registry has an id, which every new move names."""
    # From what was there, so that two who migrate at once give it the same.
    registry = hashlib.sha256(b"fsl registry\n" + before).hexdigest()[:32]
    facts: dict[str, Any] = json.loads(before)
    store.put(layout.LAYOUT, documents.to_bytes(facts | {"layout": 2, "registry": registry}))
    return "layout 1 to 2: the registry has an id now, so that a move copied from another one is refused"


_STEPS: dict[int, Callable[[ObjectStore, bytes], str]] = {1: _name_the_registry}
