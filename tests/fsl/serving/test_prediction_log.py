"""What was served, as it lies in the store."""

import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from pydantic import JsonValue

from fsl.problems.base import Answer
from fsl.serving.prediction_log import log_predictions
from fsl.serving.predictor import Prediction
from fsl.store.objects import ObjectStore

NOON = datetime(2026, 3, 1, 12, 5, 9, 123456, tzinfo=UTC)
BERLIN = timezone(timedelta(hours=1))


def answered(targets: Sequence[JsonValue]) -> list[Prediction]:
    """Return a prediction for each target, of embeddings that half precision holds exactly."""
    return [
        Prediction(Answer(target, 0.75, 0.5), np.array([0.5, -0.25, row / 8], np.float32))
        for row, target in enumerate(targets)
    ]


def log(store: ObjectStore, texts: Sequence[str], times: Sequence[datetime], targets: Sequence[JsonValue]) -> list[str]:
    return log_predictions(store, texts, times, answered(targets), version="v-1", encoder="e" * 64)


def rows_of(store: ObjectStore, key: str) -> list[dict[str, Any]]:
    return list(pq.ParquetFile(io.BytesIO(store.get(key))).read().to_pylist())


def test_rows_are_read_back_as_they_were_served(store: ObjectStore) -> None:
    texts = ["退款 🙂", "=cmd|'/c calc'!A1", "a\x00b\n"]
    targets: list[JsonValue] = ["refund", [[0, 4, "公司"]], []]
    times = [NOON + timedelta(seconds=row) for row in range(3)]

    (key,) = log(store, texts, times, targets)
    rows = rows_of(store, key)

    assert key.startswith("predictions/dt=2026-03-01/hour=12/")
    assert [row["text"] for row in rows] == texts
    assert [row["time"] for row in rows] == times
    assert [json.loads(row["answer"]) for row in rows] == targets
    assert [row["embedding"] for row in rows] == [[0.5, -0.25, row / 8] for row in range(3)]
    assert {(row["confidence"], row["margin"], row["version"], row["encoder"]) for row in rows} == {
        (0.75, 0.5, "v-1", "e" * 64)
    }
    assert len({row["id"] for row in rows}) == 3


def test_each_hour_has_its_own_file(store: ObjectStore) -> None:
    times = [NOON, NOON + timedelta(hours=1), NOON, NOON + timedelta(days=1)]

    keys = log(store, ["a", "b", "c", "d"], times, ["x"] * 4)

    assert [key.rsplit("/", 1)[0] for key in keys] == [
        "predictions/dt=2026-03-01/hour=12",
        "predictions/dt=2026-03-01/hour=13",
        "predictions/dt=2026-03-02/hour=12",
    ]
    assert [[row["text"] for row in rows_of(store, key)] for key in keys] == [["a", "c"], ["b"], ["d"]]


def test_the_hour_is_utcs_whatever_the_zone_of_the_server(store: ObjectStore) -> None:
    late = datetime(2026, 3, 2, 0, 30, tzinfo=BERLIN)

    (key,) = log(store, ["a"], [late], ["x"])

    assert key.startswith("predictions/dt=2026-03-01/hour=23/")
    assert rows_of(store, key)[0]["time"] == late


def test_logging_the_same_rows_again_changes_nothing(store: ObjectStore) -> None:
    first = log(store, ["a", "b"], [NOON] * 2, ["x", "y"])
    before = {info.key: store.get(info.key) for info in store.list("")}

    again = log(store, ["a", "b"], [NOON.astimezone(BERLIN)] * 2, ["x", "y"])

    assert again == first
    assert {info.key: store.get(info.key) for info in store.list("")} == before


@pytest.mark.parametrize("other", [{"texts": ["b"]}, {"times": [NOON + timedelta(microseconds=1)]}, {"version": "v-2"}])
def test_other_rows_have_a_file_of_their_own(store: ObjectStore, other: dict[str, Any]) -> None:
    rows: dict[str, Any] = {"texts": ["a"], "times": [NOON], "version": "v-1"}

    def put(texts: list[str], times: list[datetime], version: str) -> list[str]:
        return log_predictions(store, texts, times, answered(["x"]), version=version, encoder="e")

    assert put(**rows) != put(**{**rows, **other})


def test_a_text_that_utf8_cannot_hold_is_logged_as_the_model_read_it(store: ObjectStore) -> None:
    (key,) = log(store, ["\ud83d lone"], [NOON], ["x"])

    assert rows_of(store, key)[0]["text"] == "? lone"


def test_rows_that_do_not_fit_together_are_refused_and_nothing_is_stored(store: ObjectStore) -> None:
    with pytest.raises(ValueError, match="argument"):
        log(store, ["a", "b"], [NOON], ["x", "y"])
    with pytest.raises(ValueError, match="argument"):
        log(store, ["a"], [NOON], ["x", "y"])

    assert list(store.list("")) == []


def test_nothing_served_is_nothing_stored(store: ObjectStore) -> None:
    assert log(store, [], [], []) == []


def test_a_set_of_labels_is_logged_with_the_probability_of_every_label(store: ObjectStore) -> None:
    chances = {"billing": 0.75, "退货": 0.25}
    answer = Answer(["billing"], 0.5625, 0.375, chances)
    served = [Prediction(answer, np.zeros(2, np.float32))]

    (key,) = log_predictions(store, ["paid twice"], [NOON], served, version="v-1", encoder="e" * 64)

    (row,) = rows_of(store, key)
    assert (json.loads(row["answer"]), json.loads(row["probabilities"])) == (["billing"], chances)


def test_an_answer_of_one_label_is_logged_without_a_column_that_would_stay_empty(store: ObjectStore) -> None:
    (key,) = log(store, ["a"], [NOON], ["refund"])

    assert "probabilities" not in rows_of(store, key)[0]
