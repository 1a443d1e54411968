"""Curves of a fit: losses, learning rate, and the score of tune rows after each epoch, for those who look at fits.

The one door to TensorBoard, MLflow and W&B, each imported only where the config names it. Numbers alone go through
it, never a text. Whatever becomes of a curve, the fit goes on.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TypeVar

from fsl.errors import MissingPackage

log = logging.getLogger(__name__)

_Made = TypeVar("_Made")

Track = Callable[[str, float, int], None]  # a curve's name, its value, and the step
Tracking = Literal["tensorboard", "mlflow", "wandb", "off"]

EVENTS = "events.out.tfevents.fsl"  # TensorBoard's own name would hold that of the machine


def ignore(name: str, value: float, step: int) -> None:
    """Write nothing down."""


@contextmanager
def tracking(kind: Tracking, folder: Path, *, project: str, run: str) -> Iterator[Track]:
    """Give a function that writes values down where the config says.

    Args:
        folder: is empty; TensorBoard's one file is written there.
        run: what the run is called in MLflow or W&B.

    Raises:
        MissingPackage: MLflow or W&B is named, and not installed. Without TensorBoard, which nobody has to name,
            there are no curves, and that is all.
    """
    if kind == "mlflow":
        with _mlflow(project, run) as track:
            yield track
    elif kind == "wandb":
        with _wandb(project, run) as track:
            yield track
    elif kind == "tensorboard":
        with _tensorboard(folder) as track:
            yield track
    else:
        yield ignore


def renamed(track: Track, prefix: str) -> Track:
    """Return the same with a prefix before each curve's name."""
    return lambda name, value, step: track(f"{prefix}/{name}", value, step)


@contextmanager
def _tensorboard(folder: Path) -> Iterator[Track]:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        log.info("no curves are kept: the package tensorboard is not installed (pip install 'fsl[tensorboard]')")
        yield ignore
        return
    with SummaryWriter(str(folder)) as writer:
        yield _surely(lambda name, value, step: writer.add_scalar(name, value, step), "TensorBoard")
    for path in folder.iterdir():
        path.rename(folder / EVENTS)


@contextmanager
def _mlflow(project: str, run: str) -> Iterator[Track]:
    try:
        from mlflow.tracking import MlflowClient
    except ImportError as error:
        raise MissingPackage("mlflow", "`learning.tracking: mlflow`", "mlflow") from error
    made = _start(lambda: _begin_mlflow(MlflowClient(), project, run), "MLflow")
    if made is None:
        yield ignore
        return
    client, run_id = made
    status = "FAILED"
    try:
        yield _surely(lambda name, value, step: client.log_metric(run_id, name, value, step=step), "MLflow")
        status = "FINISHED"
    finally:
        _start(lambda: client.set_terminated(run_id, status), "MLflow")


def _begin_mlflow(client: Any, project: str, run: str) -> tuple[Any, str]:
    # The client, not `mlflow.start_run`: that one adds who runs it, from which file, at which commit.
    found = client.get_experiment_by_name(project)
    experiment = found.experiment_id if found is not None else client.create_experiment(project)
    return client, client.create_run(experiment, run_name=run).info.run_id


@contextmanager
def _wandb(project: str, run: str) -> Iterator[Track]:
    try:
        import wandb
    except ImportError as error:
        raise MissingPackage("wandb", "`learning.tracking: wandb`", "wandb") from error
    quiet = wandb.Settings(
        console="off",
        save_code=False,
        disable_git=True,
        silent=True,
        x_disable_meta=True,
        x_disable_stats=True,
        x_disable_machine_info=True,
    )
    made = _start(lambda: wandb.init(project=project, name=run, settings=quiet), "W&B")
    if made is None:
        yield ignore
        return
    code = 1
    try:
        # W&B wants steps that rise; teacher and student each count their own, so the step is a value like any other.
        yield _surely(lambda name, value, step: made.log({name: value, f"{name} step": step}), "W&B")
        code = 0
    finally:
        _start(lambda: made.finish(exit_code=code), "W&B")


def _start(begin: Callable[[], _Made], whose: str) -> _Made | None:
    """Return what a tracker begins with, or None where its server cannot be had."""
    try:
        return begin()
    except Exception as error:  # of any kind: a tracker is no reason to lose a fit
        log.warning("no curves by %s: %s", whose, type(error).__name__)
        return None


def _surely(track: Track, whose: str) -> Track:
    """Return the same, but once it fails it says so and writes nothing any more."""
    broken = False

    def write(name: str, value: float, step: int) -> None:
        nonlocal broken
        if broken:
            return
        try:
            track(name, value, step)
        except Exception as error:  # of any kind: a tracker is no reason to lose a fit
            broken = True
            log.warning("no more curves by %s: %s", whose, type(error).__name__)

    return write
