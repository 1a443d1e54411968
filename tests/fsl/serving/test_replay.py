"""Replaying recorded traffic through the champion."""

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from fsl.config import RunConfig
from fsl.project import Project
from fsl.serving.bundle import read_facts
from fsl.serving.predictor import Predictor
from fsl.serving.replay import NothingServes, Replay, read_texts, replay_traffic, spread_over_day
from fsl.store.aliases import move_alias
from fsl.store.objects import ObjectStore
from fsl.store.registry import publish_version

DAY = datetime(2026, 3, 1, 17, 45, tzinfo=UTC)


@pytest.fixture
def project(store: ObjectStore, tmp_path: Path) -> Project:
    return Project("tickets", store, RunConfig(project="tickets"), tmp_path / "cache")


def test_times_are_spread_evenly_over_the_opening_hours() -> None:
    times = spread_over_day(4, DAY)

    assert times == [datetime(2026, 3, 1, hour, tzinfo=UTC) for hour in (8, 11, 14, 17)]
    assert spread_over_day(0, DAY) == []
    assert spread_over_day(10_000, DAY)[-1] < datetime(2026, 3, 1, 20, tzinfo=UTC)


def test_a_line_of_json_may_hold_what_python_takes_for_line_ends(tmp_path: Path) -> None:
    (tmp_path / "traffic.jsonl").write_text('{"text": "a\u2028b\x85c"}\n\n{"text": "退款"}\r\n', encoding="utf-8")

    assert read_texts(tmp_path / "traffic.jsonl", "text") == ["a\u2028b\x85c", "退款"]


def test_without_a_champion_nothing_is_served(project: Project) -> None:
    with pytest.raises(NothingServes, match="tickets has no champion yet"):
        replay_traffic(project, ["a"], [DAY])


def test_traffic_is_answered_and_logged_as_the_champions_own(project: Project, text_bundle: Path) -> None:
    publish_version(project.registry, "v-1", text_bundle, facts={})
    move_alias(project.registry, "champion", to="v-1", seen=None, verdict="promote", who="test", why="", now=DAY)
    texts = [f"where is parcel {row}" for row in range(70)]
    times = [DAY + timedelta(milliseconds=row) for row in range(70)]
    told: list[int] = []

    replay = replay_traffic(project, texts, times, progress=told.append)

    assert replay == Replay("v-1", 70)
    assert told == [32, 64, 70]
    (info,) = project.store.list("predictions/")
    rows = pq.ParquetFile(io.BytesIO(project.store.get(info.key))).read().to_pylist()
    expected = [f'"{prediction.answer.target}"' for prediction in Predictor.load(text_bundle).predict(texts)]
    assert [row["text"] for row in rows] == texts
    assert [row["answer"] for row in rows] == expected
    assert {(row["version"], row["encoder"]) for row in rows} == {("v-1", read_facts(text_bundle).encoder)}
