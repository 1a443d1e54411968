"""The endpoint for notifications, and the watcher: both start the ingest of a project, and nothing else."""

import hashlib
import hmac
import json
from typing import Any

import pytest
from fastapi.testclient import TestClient

from flows.arrival import MAX_BODY_BYTES, NoSecret, build_app
from flows.inbox import InboxWatch
from fsl.project import Project
from fsl.scheduling.arrival import Arrival
from fsl.store import layout

SECRET = "a secret of sixteen letters"
BODY = json.dumps(
    {
        "Records": [
            {
                "eventName": "ObjectCreated:Put",
                "s3": {"bucket": {"name": "shared"}, "object": {"key": f"{project}/inbox/{name}"}},
            }
            for project, name in (("tickets", "a.jsonl"), ("tickets", "b.jsonl"), ("news", "a.csv"))
        ]
    }
).encode()


@pytest.fixture
def started() -> list[Arrival]:
    return []


@pytest.fixture
def client(started: list[Arrival]) -> TestClient:
    def start(arrival: Arrival) -> str:
        started.append(arrival)
        return f"run of {arrival.project}"

    return TestClient(build_app("shared", SECRET, start))


def signed(body: bytes, secret: str = SECRET) -> dict[str, str]:
    return {"X-Fsl-Signature": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


@pytest.mark.parametrize("headers", [{"Authorization": f"Bearer {SECRET}"}, {"Authorization": SECRET}, signed(BODY)])
def test_who_knows_the_secret_starts_one_run_for_each_project(
    client: TestClient, started: list[Arrival], headers: dict[str, str]
) -> None:
    answer = client.post("/arrival", content=BODY, headers=headers)

    assert answer.status_code == 202
    assert answer.json()["started"] == ["run of news", "run of tickets"]
    assert sorted(arrival.project for arrival in started) == ["news", "tickets"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer another secret that is long"},
        {"Authorization": "Bearer "},
        signed(BODY, "another secret that is long"),
        signed(BODY + b" "),
        {"X-Fsl-Signature": "sha256=é".encode()},
        {"X-Fsl-Signature": "wrong", "Authorization": f"Bearer {SECRET}"},
    ],
)
def test_who_does_not_know_the_secret_starts_nothing(client: TestClient, started: list[Arrival], headers: Any) -> None:
    answer = client.post("/arrival", content=BODY, headers=headers)

    assert answer.status_code == 401
    assert "FSL_ARRIVAL_SECRET" in answer.json()["error"]
    assert started == []


def test_a_foreign_bucket_is_refused_with_a_sentence(client: TestClient, started: list[Arrival]) -> None:
    body = BODY.replace(b"shared", b"others")

    answer = client.post("/arrival", content=body, headers=signed(body))

    assert answer.status_code == 422
    assert answer.json()["error"] == (
        "the notification was refused: it is about the bucket 'others', and 'shared' is watched. Nothing was started."
    )
    assert started == []


def test_a_body_without_end_is_cut_off_before_anything_is_looked_at(client: TestClient) -> None:
    answer = client.post("/arrival", content=b" " * (MAX_BODY_BYTES + 1), headers=signed(b""))

    assert answer.status_code == 413


def test_a_run_that_cannot_be_started_makes_the_store_send_it_again() -> None:
    def fail(arrival: Arrival) -> str:
        raise OSError("the server is away")

    client = TestClient(build_app("shared", SECRET, fail))

    assert client.post("/arrival", content=BODY, headers=signed(BODY)).status_code == 503


@pytest.mark.parametrize("secret", ["", "short"])
def test_without_a_secret_worth_the_name_there_is_no_endpoint(secret: str) -> None:
    with pytest.raises(NoSecret, match="openssl rand"):
        build_app("shared", secret, lambda arrival: "")


def test_the_watcher_starts_one_run_for_a_drop_and_none_again_until_it_changes(project: Project) -> None:
    started: list[Arrival] = []
    watch = InboxWatch(project, lambda arrival: started.append(arrival) or "a run")  # type: ignore[func-returns-value]
    assert watch.look() == ()

    project.store.put(layout.inbox("a.jsonl"), b"one")
    project.store.put(layout.inbox("b.jsonl"), b"two")
    assert watch.look() == ("inbox/a.jsonl", "inbox/b.jsonl")
    assert watch.look() == ()
    project.store.put(layout.inbox("a.jsonl"), b"one, mended")
    assert watch.look() == ("inbox/a.jsonl",)

    assert [arrival.project for arrival in started] == [project.name] * 2


def test_a_drop_whose_run_could_not_be_started_is_still_new(project: Project) -> None:
    def fail(arrival: Arrival) -> str:
        raise OSError("the server is away")

    watch = InboxWatch(project, fail)
    project.store.put(layout.inbox("a.jsonl"), b"one")
    with pytest.raises(OSError, match="away"):
        watch.look()

    watch.start = lambda arrival: "a run"
    assert watch.look() == ("inbox/a.jsonl",)
