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
from fsl.store.errors import ForeignProject, LayoutTooNew, LayoutTooOld, NewerSchema, RestoreUnfinished
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
    registry: str = ""
    restoring: str | None = None


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
        RestoreUnfinished: it is being restored.
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
    """Return the number of the layout that a `layout.json` tells.

    Raises:
        LayoutTooNew, DamagedObject.
        RestoreUnfinished: it stands for a project that is not whole yet.
    """
    return _parse_any(data, where).layout


def registry_id(data: bytes, where: str) -> str:
    """Return the registry's id from a `layout.json` of whatever layout, "" before layout 2. Raises as above."""
    return _parse_any(data, where).registry


def restoring_layout(backup: str) -> bytes:
    """Return what lies for `layout.json` while a backup is restored, so that nobody opens half a project."""
    return documents.to_bytes({"layout": layout.LAYOUT_VERSION, "restoring": backup})


def _parse_any(data: bytes, where: str) -> _AnyLayout:
    try:
        found = documents.parse(_AnyLayout, data, where, schema_key="layout", schema=layout.LAYOUT_VERSION)
    except NewerSchema as error:
        raise LayoutTooNew(error.where, error.reason) from error
    if found.restoring is not None:
        raise RestoreUnfinished(where, found.restoring)
    return found


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
