"""Promote, rollback and housekeeping as flows, and runs whose worker died."""

import time
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from prefect.client.orchestration import get_client
from prefect.exceptions import ParameterTypeError
from prefect.states import Running

from flows.cycle import cycle
from flows.housekeeping import housekeeping
from flows.promote import promote
from flows.rollback import rollback
from fsl.config import DataConfig, RetentionConfig
from fsl.problems.base import Answer
from fsl.project import Project, push_config
from fsl.promotion.overrides import LeftByRollback
from fsl.scheduling.claims import take
from fsl.serving.prediction_log import log_predictions
from fsl.serving.predictor import Prediction
from fsl.store import layout
from fsl.store.aliases import CHAMPION, read_moves
from fsl.store.registry import publish_version
from tasks.reconciling import reconcile_runs
from tasks.turns import RUN, expiry_of


@pytest.fixture
def versions(project: Project, tmp_path: Path) -> Project:
    for name in ("v1", "v2"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "head.onnx").write_text(name)
        publish_version(project.registry, name, folder, facts={})
    return project


def test_a_person_promotes_and_rolls_back_on_record(versions: Project) -> None:
    promote(versions.name, "v1", "mei", "the first")
    promote(versions.name, "v2", "mei", "looks better 更好")

    assert rollback(versions.name, "omar", "it was not") == {"version": "v1", "move": 3, "left": "v2"}
    with pytest.raises(LeftByRollback, match="v2 was left by person:omar"):
        promote(versions.name, "v2", "mei", "again")
    promote(versions.name, "v2", "mei", "with open eyes", despite_rollback=True)

    moves = read_moves(versions.registry, CHAMPION)
    assert [(move.version, move.who) for move in moves] == [
        ("v1", "person:mei"),
        ("v2", "person:mei"),
        ("v1", "person:omar"),
        ("v2", "person:mei"),
    ]


@pytest.mark.parametrize("bad", [{"version": "../v1"}, {"who": ""}, {"project": "No Such"}, {"why": "x" * 2001}])
def test_parameters_that_cannot_be_right_are_refused_before_anything_runs(bad: dict[str, str]) -> None:
    good = {"project": "tickets", "version": "v1", "who": "mei", "why": "because"}

    with pytest.raises(ParameterTypeError):
        promote(**good | bad)


def test_housekeeping_of_a_young_project_keeps_everything(versions: Project) -> None:
    done = housekeeping(versions.name)

    assert done["registry"]["kept"] == 2
    assert (done["registry"]["removed"], done["steps"]["removed"], done["claims"]) == (0, 0, 0)
    assert done["retention"] == {"retired": 0, "removed": 0, "waiting": 0}
    assert done["compaction"]["files"] == 0


def test_housekeeping_removes_what_retention_keeps_no_longer(project: Project) -> None:
    keep = DataConfig(retention=RetentionConfig(predictions_days=30))
    push_config(project.config.model_copy(update={"data": keep}), project.store)
    served = [Prediction(Answer("refund", 0.9, 0.8), np.zeros(4, dtype=np.float32))]
    for when in (datetime(2020, 1, 1, tzinfo=UTC), datetime.now(UTC)):
        log_predictions(project.store, ["where is it"], [when], served, version="v1", encoder="e")

    done = housekeeping(project.name)

    assert (done["retention"]["retired"], done["retention"]["removed"]) == (1, 1)
    (left,) = project.store.list(layout.PREDICTIONS)
    assert "dt=2020" not in left.key


def test_housekeeping_makes_one_file_of_the_many_that_an_hour_of_traffic_left(project: Project) -> None:
    when = datetime(2026, 3, 1, 12, tzinfo=UTC)
    for minute in range(10):
        served = [Prediction(Answer("refund", 0.9, 0.8), np.zeros(4, dtype=np.float32))]
        log_predictions(
            project.store, ["where is it"], [when.replace(minute=minute)], served, version="v1", encoder="e"
        )

    done = housekeeping(project.name)

    assert (done["compaction"]["hours"], done["compaction"]["files"], done["retention"]["removed"]) == (1, 10, 10)
    assert len(list(project.store.list(layout.PREDICTIONS))) == 1


def test_a_run_whose_worker_died_is_marked_crashed_and_one_that_lives_is_not(project: Project) -> None:
    store = project.store
    with get_client(sync_client=True) as client:
        dead, alive, other = (
            client.create_flow_run(cycle, parameters={"project": name}, state=Running()).id
            for name in (project.name, project.name, "another")
        )
        take(store, RUN, str(dead), expiry=expiry_of(project), subject="cycle", holder="the dead")
        silent = project.config.claims.expiry_seconds
        short = Project(
            project.name,
            store,
            project.config.model_copy(
                update={"claims": project.config.claims.model_copy(update={"expiry_seconds": 1.0})}
            ),
        )
        assert silent == 120
        assert reconcile_runs.fn(project.name) == []  # heard of a moment ago

        def state_of(run: UUID) -> str:
            found = client.read_flow_run(run).state
            return found.type.value if found else ""

        _push(short)
        time.sleep(4.5)  # stores tell ages in whole seconds, and this one must be over three
        take(store, RUN, str(alive), expiry=expiry_of(short), subject="cycle", holder="the living")
        crashed = reconcile_runs.fn(project.name)

        assert len(crashed) == 1
        assert (state_of(dead), state_of(alive), state_of(other)) == ("CRASHED", "RUNNING", "RUNNING")


def _push(project: Project) -> None:
    from fsl.project import push_config

    push_config(project.config, project.store)
