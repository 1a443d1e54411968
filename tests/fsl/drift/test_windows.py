"""Reading windows from the prediction log in a real store."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from fsl.config import DriftConfig
from fsl.drift.errors import NoPredictions, TooFewRows
from fsl.drift.windows.reading import read_windows
from fsl.drift.windows.window import Window
from fsl.problems import find_problem
from fsl.store import layout
from fsl.store.objects import ObjectStore

BuildWindow = Callable[..., Window]
Log = Callable[..., None]
CONFIG = DriftConfig(reference_rows=40, window_rows=30, min_window_rows=10)
PROBLEM = find_problem("classification")
START = datetime(2026, 11, 1, 8, tzinfo=UTC)


def test_the_first_rows_are_the_reference_and_the_last_rows_the_current_window(
    store: ObjectStore, window: BuildWindow, log: Log
) -> None:
    served = window(1, {"退款": 100, "b": 100})
    log(store, served)

    windows = read_windows(store, CONFIG, PROBLEM)

    assert windows.reference.ids == served.ids[:40]
    assert windows.current.ids == served.ids[-30:]
    assert windows.current.labels == served.labels[-30:]
    assert windows.current.times == served.times[-30:]
    np.testing.assert_allclose(windows.current.embeddings, served.embeddings[-30:], atol=0.01)  # stored as halves
    assert windows.current.embeddings.dtype == np.float32
    assert windows.notes == ()


def test_the_rows_just_before_the_current_window_come_along_and_are_never_the_references(
    store: ObjectStore, window: BuildWindow, log: Log
) -> None:
    served = window(1, {"a": 100, "b": 100})
    log(store, served)
    few = replace(window(2, {"a": 80}, start=START + timedelta(days=1)), version="v2")
    log(store, few, part="p1")

    many, some = (read_windows(store, CONFIG, PROBLEM, version=version) for version in ("v1", "v2"))

    assert many.earlier is not None
    assert many.earlier.ids == served.ids[-60:-30]
    assert some.earlier is not None
    assert some.earlier.ids == few.ids[40:50]  # of the ten rows between the reference and the window
    assert many.earlier.join(many.current).times == served.times[-60:]


def test_the_current_window_never_overlaps_the_reference(store: ObjectStore, window: BuildWindow, log: Log) -> None:
    served = window(1, {"a": 55})
    log(store, served)

    windows = read_windows(store, CONFIG, PROBLEM)

    assert windows.current.ids == served.ids[40:]
    assert windows.earlier is None


def test_each_version_has_its_own_reference(store: ObjectStore, window: BuildWindow, log: Log) -> None:
    old, new = window(1, {"a": 70}), replace(window(2, {"a": 70}, start=START + timedelta(days=1)), version="v2")
    log(store, old)
    log(store, new, part="p1")

    assert read_windows(store, CONFIG, PROBLEM).reference.ids == new.ids[:40]  # by default what served last
    assert read_windows(store, CONFIG, PROBLEM, version="v1").reference.ids == old.ids[:40]


def test_hours_before_a_promotion_can_be_left_alone(store: ObjectStore, window: BuildWindow, log: Log) -> None:
    served = window(1, {"a": 200})
    log(store, served)

    windows = read_windows(store, CONFIG, PROBLEM, since=START + timedelta(hours=1))

    assert windows.reference.ids == served.ids[60:100]


def test_rows_that_were_logged_twice_count_once(store: ObjectStore, window: BuildWindow, log: Log) -> None:
    served = window(1, {"a": 55})
    log(store, served)
    log(store, served, part="again")

    windows = read_windows(store, CONFIG, PROBLEM)

    assert windows.reference.ids + windows.current.ids == served.ids


def test_entity_answers_are_read_with_their_labels(store: ObjectStore, window: BuildWindow, log: Log) -> None:
    served = window(1, {"a": 60})
    spans = ([[0, 7, "ORG"], [8, 9, "MONEY"]], [])
    log(store, replace(served, answers=tuple(spans[row % 2] for row in range(60))))

    windows = read_windows(store, CONFIG, find_problem("tagging"))

    assert windows.reference.labels[:2] == (("MONEY", "ORG"), ())


def test_nothing_served_is_said_with_a_next_step(store: ObjectStore) -> None:
    with pytest.raises(NoPredictions, match="Serve some texts first"):
        read_windows(store, CONFIG, PROBLEM)


def test_a_version_that_never_served_is_said(store: ObjectStore, window: BuildWindow, log: Log) -> None:
    log(store, window(1, {"a": 60}))

    with pytest.raises(NoPredictions, match="no served row of v9"):
        read_windows(store, CONFIG, PROBLEM, version="v9")


def test_too_few_rows_are_said_with_their_number(store: ObjectStore, window: BuildWindow, log: Log) -> None:
    log(store, window(1, {"a": 45}))

    with pytest.raises(TooFewRows, match=r"v1 has served 45 rows .* drift needs 50: .* Wait for 5 more"):
        read_windows(store, CONFIG, PROBLEM)


def test_rows_of_two_encoders_are_never_compared_and_the_rarer_ones_are_named(
    store: ObjectStore, window: BuildWindow, log: Log
) -> None:
    served = window(1, {"a": 60})
    log(store, served)
    log(store, window(2, {"a": 20}, encoder="enc-2"), part="p1")

    windows = read_windows(store, CONFIG, PROBLEM)

    assert windows.reference.encoder == windows.current.encoder == "enc-1"
    assert set(windows.reference.ids + windows.current.ids) <= set(served.ids)
    assert any("20 rows of v1 were embedded by enc-2 instead of enc-1" in note for note in windows.notes)


def test_rows_without_any_embedding_are_read_and_said(store: ObjectStore, window: BuildWindow, log: Log) -> None:
    served = window(1, {"a": 60})
    log(store, replace(served, embeddings=served.embeddings[:, :0]))

    windows = read_windows(store, CONFIG, PROBLEM)

    assert windows.current.n_rows == 20
    assert windows.current.embeddings.shape == (20, 0)
    assert any("no served row of v1 has an embedding" in note for note in windows.notes)


def test_rows_that_come_late_do_not_move_the_reference(store: ObjectStore, window: BuildWindow, log: Log) -> None:
    served = window(1, {"a": 80})
    log(store, served)
    before = read_windows(store, CONFIG, PROBLEM).reference
    log(store, window(2, {"a": 5}, start=START - timedelta(hours=2)), part="late")

    again = read_windows(store, CONFIG, PROBLEM)

    assert again.reference.ids == before.ids
    assert any("5 rows are dated before the reference began" in note for note in again.notes)


def test_rows_of_a_time_to_come_are_left_out_and_said(store: ObjectStore, window: BuildWindow, log: Log) -> None:
    log(store, window(1, {"a": 80}))
    log(store, window(2, {"a": 5}, start=START + timedelta(days=9)), part="ahead")

    windows = read_windows(store, CONFIG, PROBLEM, now=START + timedelta(days=1))

    assert windows.current.times[-1] < START + timedelta(days=1)
    assert any("5 rows carry a time to come" in note for note in windows.notes)


def test_a_window_of_hours_holds_the_last_hours(store: ObjectStore, window: BuildWindow, log: Log) -> None:
    served = window(1, {"a": 200})  # a row a minute
    log(store, served)

    windows = read_windows(store, CONFIG.model_copy(update={"window_hours": 1.0}), PROBLEM)

    assert windows.current.ids == served.ids[-60:]


def test_a_gap_in_the_traffic_is_said(store: ObjectStore, window: BuildWindow, log: Log) -> None:
    log(store, window(1, {"a": 60}))
    log(store, window(2, {"a": 10}, start=START + timedelta(days=3)), part="p1")

    assert any("nothing was served for 71 hours" in note for note in read_windows(store, CONFIG, PROBLEM).notes)


def test_damaged_files_and_rows_are_left_out_and_named(store: ObjectStore, window: BuildWindow, log: Log) -> None:
    served = window(1, {"a": 60})
    broken = served.embeddings.copy()
    broken[3] = np.nan
    log(store, replace(served, embeddings=broken, answers=(*served.answers[:-1], 7.5)))
    hour = layout.predictions(START, "broken")
    store.put(hour, b"not parquet")
    log(store, replace(window(2, {"a": 5}), version="v0"), part="older-schema", damage={"margin": None})

    windows = read_windows(store, CONFIG, PROBLEM)

    assert served.ids[3] not in windows.reference.ids
    assert any(f"{hour} cannot be read" in note for note in windows.notes)
    assert any("older-schema.parquet cannot be read" in note and "margin" in note for note in windows.notes)
    assert any("1 served rows of v1 cannot be used" in note for note in windows.notes)
