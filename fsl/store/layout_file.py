"""`layout.json` at a project's root: by which layout the prefix is written, and the key of its splits.

What lies where is `fsl.store.layout`. The file is made once, create-only: of two workers that open a new project at
the same moment, both go on with the same key.
"""

import logging
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, Field

from fsl.store import documents, layout
from fsl.store.errors import ForeignProject, LayoutTooNew, NewerSchema
from fsl.store.objects import ObjectStore

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Layout:
    """What is fixed for a project when it is made."""

    version: int
    project: str
    split_key: str  # hex; keys the hash that gives every text its split for life
    created: datetime


class _LayoutDocument(documents.Document):
    layout: int
    project: str
    split_key: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    created: AwareDatetime


def open_layout(
    store: ObjectStore, project: str, *, split_key: str | None = None, now: datetime | None = None
) -> Layout:
    """Read the project's layout, or make it where there is none.

    Args:
        split_key: 64 hex digits for a new project; default: at random. A project that is there keeps its own.

    Raises:
        LayoutTooNew: written by a newer fsl.
        ForeignProject: another project lies here.
        DamagedObject: the file is not a layout.
    """
    data = store.find(layout.LAYOUT)
    if data is None:
        data = _create(store, project, split_key or secrets.token_hex(32), now or datetime.now(UTC))
    where = store.where(layout.LAYOUT)
    try:
        found = documents.parse(_LayoutDocument, data, where, schema_key="layout", schema=layout.LAYOUT_VERSION)
    except NewerSchema as error:
        raise LayoutTooNew(error.where, error.reason) from error
    if found.project != project:
        raise ForeignProject(where, project, found.project)
    return Layout(found.layout, found.project, found.split_key, found.created)


def _create(store: ObjectStore, project: str, split_key: str, now: datetime) -> bytes:
    document = {
        "layout": layout.LAYOUT_VERSION,
        "project": project,
        "split_key": split_key,
        "created": now.astimezone(UTC).isoformat(),
    }
    data = documents.to_bytes(document)
    if store.create(layout.LAYOUT, data):
        log.info("made project %s at %s", project, store.where())
        return data
    return store.get(layout.LAYOUT)
