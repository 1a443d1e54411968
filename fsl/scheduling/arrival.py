"""What a store says when something was dropped: notifications in the forms of AWS, MinIO and SeaweedFS, made one.

Whoever posts one is not trusted: only the bucket that is watched, and in it only keys in a project's inbox, come out.
Nothing of a notification is believed but that it may be worth looking; what lies there is read from the store.

| form | what it looks like |
|---|---|
| AWS | `{"Records": [{"eventName": "ObjectCreated:Put", "s3": {"bucket": ..., "object": ...}}]}` |
| AWS by EventBridge | `{"detail-type": "Object Created", "detail": {"bucket": ..., "object": ...}}` |
| MinIO | as AWS, beside `"EventName": "s3:ObjectCreated:Put"` and `"Key": "bucket/key"` |
| SeaweedFS | `{"key": "/buckets/BUCKET/KEY", "message": {"new_entry": {...}}}` of its filer |
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from fsl.errors import FslError
from fsl.store import layout
from fsl.store.errors import BadName
from fsl.store.keys import checked_key

MAX_RECORDS = 1000
_SEAWEED_ROOT = "/buckets/"
_PROJECT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


@dataclass(eq=False)
class NotificationRefused(FslError):
    """Not a notification of a drop that is ours."""

    why: str

    def __str__(self) -> str:
        return f"the notification was refused: {self.why}. Nothing was started."


@dataclass(frozen=True, slots=True, order=True)
class Arrival:
    """Something new in a project's inbox."""

    project: str
    key: str  # relative to the project


def parse_notification(data: bytes, *, bucket: str) -> tuple[Arrival, ...]:
    """Return what was dropped; nothing for a store's test message, or where only something was removed.

    Raises:
        NotificationRefused: the form is unknown, the bucket is another, or a key lies outside an inbox.
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise NotificationRefused("it is not JSON") from error
    if not isinstance(document, dict):
        raise NotificationRefused("it is no JSON object")
    if document.get("Event") == "s3:TestEvent":  # what AWS sends once, when the notification is set up
        return ()
    return tuple(sorted({_checked(place, bucket) for place in _places(document)}))


@dataclass(frozen=True, slots=True)
class _Place:
    bucket: str
    key: str


def _places(document: Mapping[str, Any]) -> Iterator[_Place]:
    records = document.get("Records")
    if isinstance(records, list):
        if len(records) > MAX_RECORDS:
            raise NotificationRefused(f"it holds {len(records)} records, and {MAX_RECORDS} are allowed")
        for record in records:
            yield from _of_record(record)
    elif isinstance(document.get("detail"), dict):
        detail = document["detail"]
        if document.get("detail-type", "Object Created") == "Object Created":
            yield _Place(_text(detail, "bucket", "name"), _text(detail, "object", "key"))
    elif isinstance(document.get("message"), dict) and "key" in document:
        yield from _of_filer(document)
    else:
        raise NotificationRefused("its form is neither AWS's nor MinIO's nor SeaweedFS's")


def _of_record(record: Any) -> Iterator[_Place]:
    name = _text(record, "eventName").removeprefix("s3:")
    if name.startswith("ObjectCreated:"):
        # Keys come form-encoded, a space as a plus.
        yield _Place(_text(record, "s3", "bucket", "name"), unquote_plus(_text(record, "s3", "object", "key")))


def _of_filer(document: Mapping[str, Any]) -> Iterator[_Place]:
    """SeaweedFS tells of its file tree: a folder, a removal, or the file that was written."""
    path, entry = _text(document, "key"), document["message"].get("new_entry")
    if not isinstance(entry, dict) or entry.get("is_directory"):
        return
    if not path.startswith(_SEAWEED_ROOT):
        raise NotificationRefused(f"the path {path[:200]!r} is not of a bucket")
    bucket, _, key = path.removeprefix(_SEAWEED_ROOT).partition("/")
    yield _Place(bucket, key)


def _text(document: Any, *path: str) -> str:
    for name in path:
        document = document.get(name) if isinstance(document, dict) else None
    if not isinstance(document, str):
        raise NotificationRefused(f"it says nothing of {'.'.join(path)}")
    return document


def _checked(place: _Place, bucket: str) -> Arrival:
    if place.bucket != bucket:
        raise NotificationRefused(f"it is about the bucket {place.bucket[:100]!r}, and {bucket!r} is watched")
    project, _, key = place.key.partition("/")
    try:
        checked_key(place.key)
    except BadName as error:
        raise NotificationRefused(str(error).rstrip(".")) from error
    if not _PROJECT.fullmatch(project) or not key.startswith(layout.INBOX) or key == layout.INBOX:
        raise NotificationRefused(f"the key {place.key[:200]!r} is not in the inbox of a project")
    return Arrival(project, key)
