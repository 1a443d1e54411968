"""A project in which one person's words lie wherever words can lie, and a search through every byte of it."""

import gzip
import io
import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fsl.config import DataConfig, RunConfig
from fsl.data.forgetting.forget import forget
from fsl.data.forgetting.selection import Selection, parse_condition
from fsl.data.intake import ingest_object
from fsl.data.snapshots import load_pool, load_samples, take_snapshot
from fsl.pages.markup import page
from fsl.pages.parts import build_table
from fsl.problems.base import Answer
from fsl.samples import Split
from fsl.serving.prediction_log import log_predictions
from fsl.serving.predictor import Prediction
from fsl.store import layout
from fsl.store.objects import ObjectStore

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECRET = "Maria Sand aus Köln wants her „refund“ \U0001f4b8"
LONG = "Maria Sand writes again and again: " + " ".join(f"reason {n}" for n in range(60))
CONFIG = RunConfig(project="tickets", data=DataConfig(on_unknown_label="accept"))
RUN = "runs/" + "a" * 32


@pytest.fixture
def config() -> RunConfig:
    return CONFIG


@pytest.fixture
def secret() -> str:
    return SECRET


@pytest.fixture
def long_text() -> str:
    return LONG


@pytest.fixture
def take(store: ObjectStore) -> Callable[..., None]:
    """Drop rows under a name and ingest them."""
    return lambda name, rows: drop(store, name, rows)


@pytest.fixture(scope="session")
def peopled_bytes(bucket_store: ObjectStore) -> dict[str, bytes]:
    """What a store holds that has SECRET and LONG in batches, pool, quarantine, traffic, a run's steps and pages."""
    store = bucket_store.within(f"peopled-{uuid.uuid4().hex}/")
    others = [{"text": f"{label} message {n}", "label": label} for label in ("refund", "greeting") for n in range(12)]
    drop(store, "a.jsonl", [*others, {"text": SECRET, "label": "refund"}, {"text": "", "note": SECRET}])
    pool = [{"text": LONG}, {"text": "a quiet question"}, {"text": SECRET.upper(), "label": "refund"}]
    drop(store, "b.jsonl.gz", pool)
    parcels = [{"text": f"parcel {n}", "label": "parcel"} for n in range(5)]
    drop(store, "c.jsonl", [*parcels, {"text": SECRET, "label": "parcel"}])
    store.put(layout.inbox("broken.jsonl"), f'{{"text": "{LONG}", \n{{"text": "whole", "label": "refund"}}\n'.encode())
    ingest_object(store, CONFIG, layout.inbox("broken.jsonl"), now=NOW)
    serve(store, [LONG, "hello there", SECRET, "where is it"])
    leave_a_run(store, CONFIG)
    return {info.key: store.get(info.key) for info in store.list()}


@pytest.fixture(scope="session")
def few_bytes(bucket_store: ObjectStore) -> dict[str, bytes]:
    """What a store holds with one batch only, so that a forget can be killed at each of its writes."""
    store = bucket_store.within(f"few-{uuid.uuid4().hex}/")
    rows = [{"text": f"{label} {n}", "label": label} for label in ("refund", "parcel") for n in range(4)]
    drop(store, "a.jsonl", [*rows, {"text": SECRET, "label": "refund"}, {"text": "", "note": SECRET}])
    serve(store, [SECRET, "hello there"])
    leave_a_run(store, CONFIG)
    return {info.key: store.get(info.key) for info in store.list()}


@pytest.fixture(scope="session")
def forgotten(bucket_store: ObjectStore, peopled_bytes: dict[str, bytes]) -> ObjectStore:
    """A peopled store after Maria was forgotten. Tests only look at it."""
    store = bucket_store.within(f"forgotten-{uuid.uuid4().hex}/")
    for key, data in peopled_bytes.items():
        store.put(key, data)
    forget(store, CONFIG, Selection((parse_condition("text contains maria sand"),)), who="person:ada", now=NOW)
    return store


@pytest.fixture
def peopled(store: ObjectStore, peopled_bytes: dict[str, bytes]) -> ObjectStore:
    """A fresh store of that kind."""
    for key, data in peopled_bytes.items():
        store.put(key, data)
    return store


def drop(store: ObjectStore, name: str, rows: list[dict[str, Any]]) -> None:
    data = "".join(f"{json.dumps(row)}\n" for row in rows).encode()
    store.put(layout.inbox(name), gzip.compress(data, mtime=0) if name.endswith(".gz") else data)
    ingest_object(store, CONFIG, layout.inbox(name), now=NOW)


def serve(store: ObjectStore, texts: list[str]) -> None:
    answers = [Prediction(Answer("refund", 0.9, 0.8), np.ones(4, dtype=np.float32)) for _ in texts]
    log_predictions(store, texts, [NOW] * len(texts), answers, version="v-1", encoder="e")


def leave_a_run(store: ObjectStore, config: RunConfig) -> None:
    """Leave what a retrain and a drift check leave, in their own forms."""
    ref = take_snapshot(store, config)
    samples = [*load_samples(store, ref, set(Split)), *load_pool(store, ref)]
    rows = [{"row_id": one.row_id, "truth": one.target, "answer": "refund", "correct": True} for one in samples]
    store.put(f"{RUN}/scores-v-1.json", json.dumps({"version": "v-1", "rows": rows}).encode())
    soft = json.dumps({"labels": ["refund"], "rows": [one.row_id for one in samples], "n_units": []}).encode()
    store.put(f"{RUN}/models/blobs/{'5' * 64}", soft)
    store.put(f"{RUN}/models/blobs/{'6' * 64}", b"numbers")
    files = [("soft_labels.json", "5" * 64), ("soft_labels.safetensors", "6" * 64)]
    manifest = {"files": [{"path": path, "sha256": sha256} for path, sha256 in files]}
    store.put(f"{RUN}/models/versions/teacher/manifest.json", json.dumps(manifest).encode())
    shown = [[SECRET, "refund", "greeting"], [LONG[:160] + "…", "refund", "parcel"], ["where is my order", "a", "b"]]
    store.put(layout.run_page("a" * 32), page("Run", build_table(["text", "truth", "answer"], shown)).encode())
    flips = [{"text": text, "was": "refund", "near": ["hello", SECRET]} for text in (LONG[:160] + "…", "quite another")]
    record = {"flips": flips, "headline": "accuracy"}
    store.put(layout.run_record("a" * 32), json.dumps(record, ensure_ascii=False).encode())
    examples = [
        {"row_id": "p1", "text": LONG[:160] + "…", "label": "x"},
        {"row_id": "p2", "text": "hello", "label": "x"},
    ]
    store.put(layout.drift("w1", "decision.json"), json.dumps({"findings": [{"examples": examples}]}).encode())


@pytest.fixture
def holders(store: ObjectStore) -> Callable[..., set[str]]:
    """Return the keys of all objects that hold a text, or its beginning: plain, in JSON, in gzip, inside Parquet."""

    def run(text: str, where: ObjectStore = store) -> set[str]:
        start = text[:60]
        forms = {
            form.encode() for form in (start, start.upper(), json.dumps(start)[1:-1], json.dumps(start.upper())[1:-1])
        }
        return {info.key for info in where.list() if any(form in readable(where.get(info.key)) for form in forms)}

    return run


def readable(data: bytes) -> bytes:
    """Return bytes with everything that is packed in them unpacked."""
    if data.startswith(b"PAR1"):
        return str(pq.ParquetFile(pa.BufferReader(data)).read().to_pylist()).encode() + data
    return gzip.GzipFile(fileobj=io.BytesIO(data)).read() if data.startswith(b"\x1f\x8b") else data
