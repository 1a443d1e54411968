"""Curves of a fit: what is written down, where, and that a fit never hangs on it."""

import logging
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

from fsl.config import LearningConfig
from fsl.errors import MissingPackage
from fsl.learning.encoders import UnitEncoder, embed, encoder_digest, load_encoder
from fsl.learning.heads import fit_probe, log_likelihoods
from fsl.learning.training import fit as training_module
from fsl.learning.training.fit import fit_encoder
from fsl.learning.training.lessons import read_lessons, stack_targets
from fsl.learning.training.tracking import Track, ignore, renamed, tracking
from fsl.problems.classification import Classification
from fsl.samples import Sample

pytestmark = pytest.mark.usefixtures("one_thread")


def read_events(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Return every curve that TensorBoard finds."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder))
    found.Reload()
    assert [kind for kind, tags in found.Tags().items() if tags] == ["scalars"]
    return {
        tag: [(one.step, pytest.approx(one.value)) for one in found.Scalars(tag)] for tag in found.Tags()["scalars"]
    }


def fit(samples: list[Sample], config: LearningConfig, track: Track) -> tuple[str, float]:
    """Fit once on the first rows; returns the digest of the weights and the score of the other rows afterwards."""
    base = load_encoder(config.encoder, role="student", unit="text")
    reader = base.reader("text")
    lessons = read_lessons(samples, reader, Classification(), ("parcel", "refund"))
    shown, asked = lessons[:12], lessons[12:]
    vectors = embed(base.network, reader, [one.encoded for one in shown])
    head = fit_probe(vectors, stack_targets(shown), 2, seed=0)
    network, head = fit_encoder(
        base.network, head, shown, reader, role="student", training=config.student, config=config, track=track,
        held_out=asked,
    )  # fmt: skip
    vectors = embed(network, reader, [one.encoded for one in asked])
    return encoder_digest(network), float(log_likelihoods(head, vectors, stack_targets(asked)).mean())


def test_a_fit_gives_its_losses_rates_and_scores_and_is_the_same_without(
    intents: list[Sample], tiny_learning: LearningConfig
) -> None:
    curves: dict[str, list[tuple[int, float]]] = {}

    digest, score = fit(intents, tiny_learning, lambda name, value, at: curves.setdefault(name, []).append((at, value)))
    unwatched, _ = fit(intents, tiny_learning, ignore)

    # Twelve rows in batches of four are three steps an epoch, and there are two epochs.
    assert [at for at, _ in curves["loss"]] == [at for at, _ in curves["learning_rate"]] == [1, 2, 3, 4, 5, 6]
    assert [at for at, _ in curves["tune_score"]] == [3, 6]
    assert curves["tune_score"][-1][1] == pytest.approx(score, abs=1e-4)
    assert digest == unwatched


def test_rows_are_scored_beside_others_of_their_length(
    intents: list[Sample], tiny_learning: LearningConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = intents[12:15]
    long = [replace(row, row_id=f"{row.row_id} again", text=f"{row.text}, and this again " * 4) for row in short]
    mixed = [row for pair in zip(short, long, strict=True) for row in pair]
    n_tokens: list[int] = []
    vectors = UnitEncoder.vectors

    def counted(self: UnitEncoder, input_ids: Tensor, attention_mask: Tensor, positions: Tensor) -> Tensor:
        if not self.training and len(input_ids) == 3:
            n_tokens.append(input_ids.shape[1])
        return vectors(self, input_ids, attention_mask, positions)

    monkeypatch.setattr(training_module, "_SCORED_AT_ONCE", 3)
    monkeypatch.setattr(UnitEncoder, "vectors", counted)
    fit([*intents[:12], *mixed], tiny_learning, lambda name, value, at: None)

    assert len(n_tokens) == 4, "two batches after each of two epochs"
    assert n_tokens[0] < n_tokens[1] / 2
    assert n_tokens[2] < n_tokens[3] / 2


def test_tensorboard_finds_the_curves_and_no_text_in_a_file_that_names_no_machine(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")

    with tracking("tensorboard", tmp_path, project="tickets", run="v-1 student") as track:
        track("student/loss", 0.5, 1)
        track("student/loss", 0.25, 2)
        renamed(track, "teacher")("tune_score", -0.75, 3)

    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["events.out.tfevents.fsl"]
    assert read_events(tmp_path) == {
        "student/loss": [(1, 0.5), (2, 0.25)],
        "teacher/tune_score": [(3, -0.75)],
    }


def test_without_tensorboard_there_are_no_curves_and_that_is_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)

    with (
        caplog.at_level(logging.INFO, "fsl.learning.training.tracking"),
        tracking("tensorboard", tmp_path, project="x", run="y") as track,
    ):
        track("loss", 0.5, 1)

    assert track is ignore
    assert list(tmp_path.iterdir()) == []
    assert "no curves are kept: the package tensorboard is not installed" in caplog.text


def test_off_writes_nothing(tmp_path: Path) -> None:
    with tracking("off", tmp_path, project="x", run="y") as track:
        assert track is ignore

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["mlflow", "wandb"])
def test_one_that_is_named_and_not_there_is_a_sentence(
    name: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in [name, f"{name}.tracking"]:
        monkeypatch.setitem(sys.modules, module, None)

    words = rf"`learning\.tracking: {name}` needs the package '{name}'\. Install it: pip install 'fsl\[{name}\]'"
    with (
        pytest.raises(MissingPackage, match=words),
        tracking(name, tmp_path, project="x", run="y"),
    ):
        pass


def test_mlflow_keeps_the_curves_under_the_projects_name_and_nothing_of_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "mlruns").as_uri())
    mlflow.set_tracking_uri(None)

    with tracking("mlflow", tmp_path, project="tickets", run="v-1 student") as track:
        track("loss", 0.5, 1)
        track("loss", 0.25, 2)

    client = mlflow.tracking.MlflowClient()
    (run,) = client.search_runs([client.get_experiment_by_name("tickets").experiment_id])
    assert (run.info.run_name, run.info.status) == ("v-1 student", "FINISHED")
    assert [(one.step, one.value) for one in client.get_metric_history(run.info.run_id, "loss")] == [
        (1, 0.5),
        (2, 0.25),
    ]
    assert set(run.data.tags) == {"mlflow.runName"}


def test_a_server_that_is_away_costs_the_curves_and_not_the_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    mlflow.set_tracking_uri(None)

    with tracking("mlflow", tmp_path, project="tickets", run="v-1 student") as track:
        track("loss", 0.5, 1)

    assert "no curves by MLflow: MlflowException" in caplog.text


def test_wandb_keeps_the_curves_on_this_machine_where_it_is_told_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))

    with tracking("wandb", tmp_path, project="tickets", run="v-1 student") as track:
        track("loss", 0.5, 1)

    assert track is not ignore
    assert list((tmp_path / "wandb").glob("offline-run-*/*.wandb"))


def test_a_curve_that_breaks_is_said_once_and_the_fit_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("tensorboard")

    with tracking("tensorboard", tmp_path, project="x", run="y") as track:
        for step in (1, 2):
            track("loss", "no number", step)  # type: ignore[arg-type]

    assert caplog.text.count("no more curves by TensorBoard") == 1
