"""What stores say when something was dropped, and what is not believed."""

import json
from typing import Any

import pytest

from fsl.scheduling.arrival import Arrival, NotificationRefused, parse_notification

AWS = {
    "Records": [
        {
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": "shared"}, "object": {"key": "tickets/inbox/day+1+%E9%80%80.jsonl", "size": 9}},
        }
    ]
}
EVENT_BRIDGE = {
    "detail-type": "Object Created",
    "source": "aws.s3",
    "detail": {"bucket": {"name": "shared"}, "object": {"key": "tickets/inbox/day 1 退.jsonl"}},
}
MINIO = {
    "EventName": "s3:ObjectCreated:Put",
    "Key": "shared/tickets/inbox/day 1 退.jsonl",
    "Records": [{**AWS["Records"][0], "eventName": "s3:ObjectCreated:Put", "eventSource": "minio:s3"}],
}
SEAWEED = {
    "key": "/buckets/shared/tickets/inbox/day 1 退.jsonl",
    "message": {"old_entry": None, "new_entry": {"name": "day 1 退.jsonl", "is_directory": False}},
}


def parse(document: Any, bucket: str = "shared") -> tuple[Arrival, ...]:
    return parse_notification(json.dumps(document).encode(), bucket=bucket)


def record(**change: Any) -> Any:
    return {"Records": [AWS["Records"][0] | change]}


@pytest.mark.parametrize("document", [AWS, EVENT_BRIDGE, MINIO, SEAWEED], ids=["aws", "bridge", "minio", "seaweed"])
def test_all_forms_say_the_same(document: Any) -> None:
    assert parse(document) == (Arrival("tickets", "inbox/day 1 退.jsonl"),)


@pytest.mark.parametrize(
    "document",
    [
        {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "shared"},
        record(eventName="ObjectRemoved:Delete"),
        {**EVENT_BRIDGE, "detail-type": "Object Deleted"},
        {"key": "/buckets/shared/tickets/inbox", "message": {"new_entry": {"is_directory": True}}},
        {"key": "/buckets/shared/tickets/inbox/a.jsonl", "message": {"old_entry": {"name": "a.jsonl"}}},
        {"Records": []},
    ],
)
def test_what_tells_of_no_drop_starts_nothing(document: Any) -> None:
    assert parse(document) == ()


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"hello": "world"}, "neither AWS's nor MinIO's nor SeaweedFS's"),
        ([AWS], "no JSON object"),
        (record(s3={"bucket": {"name": "elsewhere"}, "object": {"key": "a/inbox/b"}}), "bucket 'elsewhere'"),
        (record(s3={"bucket": {"name": "shared"}, "object": {"key": "tickets/models/x"}}), "not in the inbox"),
        (record(s3={"bucket": {"name": "shared"}, "object": {"key": "inbox/x"}}), "not in the inbox"),
        (record(s3={"bucket": {"name": "shared"}, "object": {"key": "My Tickets/inbox/x"}}), "not in the inbox"),
        (record(s3={"bucket": {"name": "shared"}, "object": {"key": "tickets/inbox/../../x"}}), "no empty part"),
        (record(s3={"bucket": {"name": "shared"}, "object": {"key": 7}}), "says nothing of s3.object.key"),
        (record(s3=None), "says nothing of s3.bucket.name"),
        ({"Records": ["x"]}, "says nothing of eventName"),
        ({"Records": [{}] * 1001}, "1001 records"),
        ({"key": "/etc/passwd", "message": {"new_entry": {}}}, "not of a bucket"),
    ],
)
def test_what_is_not_a_drop_of_ours_is_refused_with_a_sentence(document: Any, words: str) -> None:
    with pytest.raises(NotificationRefused, match=words):
        parse(document)


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"{", b"[" * 100_000])
def test_what_is_not_json_is_refused(data: bytes) -> None:
    with pytest.raises(NotificationRefused, match="not JSON"):
        parse_notification(data, bucket="shared")
