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
from fsl.store.errors import ForeignProject, LayoutTooNew, LayoutTooOld, NewerSchema
from fsl.store.objects import ObjectStore

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Layout:
    """What is fixed for a project when it is made."""

    version: int
    project: str
    split_key: str  # hex; keys the hash that gives every text its split for life
    created: datetime
    registry: str  # names this registry for good, so that a move of another one is not taken for its own


class _AnyLayout(documents.Document):
    layout: int


class _LayoutDocument(_AnyLayout):
    project: str
    split_key: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    created: AwareDatetime
    registry: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


def open_layout(
    store: ObjectStore, project: str, *, split_key: str | None = None, now: datetime | None = None
) -> Layout:
    """Read the project's layout, or make it where there is none.

    Args:
        split_key: 64 hex digits for a new project; default: at random. A project that is there keeps its own.

    Raises:
        LayoutTooNew, LayoutTooOld: written by a newer fsl, or by one whose layout is to be migrated first.
        ForeignProject: another project lies here.
        DamagedObject: the file is not a layout.
    """
    data = store.find(layout.LAYOUT)
    if data is None:
        data = _create(store, project, split_key or secrets.token_hex(32), now or datetime.now(UTC))
    where = store.where(layout.LAYOUT)
    version = layout_version(data, where)
    if version < layout.LAYOUT_VERSION:
        raise LayoutTooOld(where, f"its layout is {version}, and this fsl works with {layout.LAYOUT_VERSION}")
    found = documents.parse(_LayoutDocument, data, where, schema_key="layout", schema=layout.LAYOUT_VERSION)
    if found.project != project:
        raise ForeignProject(where, project, found.project)
    return Layout(found.layout, found.project, found.split_key, found.created, found.registry)


def layout_version(data: bytes, where: str) -> int:
    """Return the number of the layout that a `layout.json` tells. Raises LayoutTooNew, DamagedObject."""
    try:
        return documents.parse(_AnyLayout, data, where, schema_key="layout", schema=layout.LAYOUT_VERSION).layout
    except NewerSchema as error:
        raise LayoutTooNew(error.where, error.reason) from error


def _create(store: ObjectStore, project: str, split_key: str, now: datetime) -> bytes:
    document = {
        "layout": layout.LAYOUT_VERSION,
        "project": project,
        "split_key": split_key,
        "created": now.astimezone(UTC).isoformat(),
        "registry": secrets.token_hex(16),
    }
    data = documents.to_bytes(document)
    if store.create(layout.LAYOUT, data):
        log.info("made project %s at %s", project, store.where())
        return data
    return store.get(layout.LAYOUT)
