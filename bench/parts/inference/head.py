"""The head alone: from a hundred new rows to a published version, beside ten thousand that are known."""

import json
import tempfile
import time
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from bench.cells import Facts
from fsl.config import DataConfig, GateConfig, RunConfig, StoreConfig
from fsl.data.intake import ingest_object
from fsl.data.snapshots import take_snapshot
from fsl.project import Project, connect
from fsl.promotion.promote import judge_challenger, register_challenger, score_challenger
from fsl.runs.head_refit import refit_bundle
from fsl.runs.steps import plan_retrain
from fsl.store import layout
from fsl.store.embedded.server import running
from fsl.store.layout_file import open_layout
from fsl.store.registry import publish_version

N_NEW = 100
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def measure_head(bundle: Path, rows: list[dict[str, Any]]) -> Facts:
    """Return the seconds and bytes of a head-only update of all rows, the last hundred of them new."""
    with tempfile.TemporaryDirectory() as scratch, running(Path(scratch) / "s3") as server:
        store_config = StoreConfig(endpoint_url=server.url, bucket="bench")
        data = DataConfig(on_unknown_label="accept", new_label_min_rows=1, near_duplicate_similarity=1.0)
        gate = GateConfig(robustness_texts=50)
        config = RunConfig(project="head", data=data, gate=gate, store=store_config)
        store = connect(store_config, "head", server.credentials)
        store.ensure_bucket()
        open_layout(store, "head", split_key="5" * 64, now=NOW)
        project = Project("head", store, config, Path(scratch) / "cache")
        publish_version(project.registry, "v-base", bundle, facts={"export": {"fp32_bytes": 0, "trials": []}})
        _drop(project, "first.jsonl", rows[:-N_NEW])
        refit_bundle(project, _plan(project))
        _drop(project, "new.jsonl", rows[-N_NEW:])
        before = {info.key for info in store.list(layout.BLOBS)}
        marks = [time.perf_counter()]
        plan = _plan(project)
        refit_bundle(project, plan)
        marks.append(time.perf_counter())
        score_challenger(project, plan)
        verdict = judge_challenger(project, plan, None)
        marks.append(time.perf_counter())
        register_challenger(project, plan, verdict, card="# measured\n")
        marks.append(time.perf_counter())
        own = [info for info in store.list(layout.step(plan.key, "")) if "/blobs/" in info.key]
        uploaded = sum(info.size for info in store.list(layout.BLOBS) if info.key not in before)
        step_bytes = sum(info.size for info in own)
    refit, judged, published = (later - earlier for earlier, later in pairwise(marks))
    return {
        "n_rows": len(rows),
        "refit_seconds": refit,
        "gate_seconds": judged,
        "publish_seconds": published,
        "uploaded_bytes": uploaded,  # of the version: head, labels, card
        "step_bytes": step_bytes,  # of the run's own step: head and labels once more
    }


def _drop(project: Project, name: str, rows: list[dict[str, Any]]) -> None:
    lines = "".join(json.dumps({"text": row["text"], "label": row["label"]}) + "\n" for row in rows)
    project.store.put(layout.inbox(name), lines.encode())
    ingest_object(project.store, project.config, layout.inbox(name), now=NOW)


def _plan(project: Project) -> Any:
    return plan_retrain(project, take_snapshot(project.store, project.config).digest, head_of="v-base")
