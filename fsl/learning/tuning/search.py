"""The one door to Optuna: which settings are tried next, and a file that remembers every trial.

The file is SQLite, by Optuna's own storage: a trial is written in one transaction, so a kill loses the trial that ran
and no other, and that one is tried again. It holds numbers and names of settings, never a text.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fsl.errors import MissingPackage
from fsl.learning.errors import OutOfMemory, TrainingDiverged, TrialsUnreadable
from fsl.learning.selection.choice import Candidate, prefer_simpler
from fsl.learning.tuning.space import Between, Setting, Value, Values, rounded

if TYPE_CHECKING:
    import optuna

log = logging.getLogger(__name__)

_STUDENT, _PROBE, _SAID = "student", "probe", "said"  # what stands beside a trial


@dataclass(frozen=True)
class Scored:
    """Log-likelihoods of the same held-out rows, in nats, one for each row."""

    student: tuple[float, ...]
    probe: tuple[float, ...]


@dataclass(frozen=True)
class TrialRow:
    """One finished trial."""

    number: int
    values: dict[str, Value]
    score: float | None  # mean log-likelihood, in nats a row; None: it came to nothing
    said: str = ""  # why


@dataclass(frozen=True)
class Found:
    """What all trials together say."""

    trials: tuple[TrialRow, ...]
    present: TrialRow | None  # the settings as they are; None where they came to nothing
    best: TrialRow | None  # beats the present ones by more than one standard error; None: nothing does
    probe_score: float | None


Tell = Callable[[TrialRow, float | None], None]  # a finished trial, and the best score so far


def search(
    score: Callable[[Values], Scored],
    settings: Sequence[Setting],
    present: Values,
    *,
    file: Path,
    name: str,
    minutes: float,
    seed: int,
    tell: Tell = lambda row, best: None,
    clock: Callable[[], float] = time.monotonic,
) -> Found:
    """Try settings until the minutes are used up, and return what all trials of this name say, earlier ones too.

    The present settings come first. A trial is begun only if one as long as the mean so far would end in time; at
    least one is made. A trial that was cut off by a kill is made again.

    Args:
        name: names what is scored; trials of another name are left alone.

    Raises:
        MissingPackage: Optuna is not installed.
        TrialsUnreadable: the file is damaged, or of another release of Optuna.

    Source:
        Bergstra et al. 2011, Algorithms for Hyper-Parameter Optimization (the tree-structured Parzen estimator).
    """
    study = _open_study(file, name, present, seed=seed)
    started, n_made = clock(), 0
    while n_made == 0 or (clock() - started) * (n_made + 1) / n_made <= 60.0 * minutes:
        trial = study.ask({one.path: _distribution(one) for one in settings})
        row = _try(study, trial, score, present)
        n_made += 1
        tell(row, _best_score(study))
    return _sum_up(study, present)


def _open_study(file: Path, name: str, present: Values, *, seed: int) -> "optuna.Study":
    try:
        import optuna
    except ImportError as error:
        raise MissingPackage("optuna", "tuning", "tune") from error
    from sqlalchemy.exc import DatabaseError

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        study = optuna.create_study(
            storage=f"sqlite:///{file}", study_name=name, direction="maximize", load_if_exists=True
        )
    except (DatabaseError, RuntimeError) as error:  # the latter: another release of Optuna wrote it
        raise TrialsUnreadable(str(file), str(error).splitlines()[0][:200]) from error
    # By the number of trials too, or one that goes on would draw what it drew before.
    study.sampler = optuna.samplers.TPESampler(seed=seed + len(study.trials))
    study.enqueue_trial(dict(present), skip_if_exists=True)
    for cut_off in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
        study.tell(cut_off.number, state=optuna.trial.TrialState.FAIL)
        study.enqueue_trial(cut_off.params or cut_off.system_attrs.get("fixed_params", dict(present)))
    return study


def _try(study: "optuna.Study", trial: "optuna.Trial", score: Callable[[Values], Scored], present: Values) -> TrialRow:
    from optuna.trial import TrialState

    values = _values(trial.params, present)
    try:
        scored = score(values)
    except (TrainingDiverged, OutOfMemory) as error:  # these settings do not work; others may
        trial.set_user_attr(_SAID, str(error))
        study.tell(trial, state=TrialState.FAIL)
        return TrialRow(trial.number, values, None, str(error))
    mean = Candidate("", scored.student, 0.0).score
    trial.set_user_attr(_STUDENT, list(scored.student))
    trial.set_user_attr(_PROBE, Candidate("", scored.probe, 0.0).score)
    study.tell(trial, mean)
    log.info("trial %d: %.4f nats a row with %s", trial.number, mean, values)
    return TrialRow(trial.number, values, mean)


def _best_score(study: "optuna.Study") -> float | None:
    return max((trial.value for trial in study.get_trials(deepcopy=False) if trial.value is not None), default=None)


def _sum_up(study: "optuna.Study", present: Values) -> Found:
    """Say which settings are worth taking over: those of the best score, if they beat the present ones for sure."""
    ended = [trial for trial in study.get_trials(deepcopy=False) if trial.state.is_finished()]
    scored = [trial for trial in ended if trial.value is not None]
    rows = tuple(_row(trial, present) for trial in ended if trial.value is not None or _SAID in trial.user_attrs)
    if not scored:
        return Found(rows, None, None, None)
    own = next((trial for trial in scored if trial.params == dict(present)), None)
    top = max(scored, key=lambda trial: float(trial.value or 0.0))
    held = prefer_simpler([_candidate(own), _candidate(top)]) if own is not None else _candidate(top)
    is_own = own is not None and held.name == str(own.number)
    return Found(
        rows,
        None if own is None else _row(own, present),
        None if is_own else _row(top, present),
        max(trial.user_attrs[_PROBE] for trial in scored),
    )


def _candidate(trial: "optuna.trial.FrozenTrial") -> Candidate:
    return Candidate(str(trial.number), tuple(trial.user_attrs[_STUDENT]), 0.0)


def _row(trial: "optuna.trial.FrozenTrial", present: Values) -> TrialRow:
    return TrialRow(trial.number, _values(trial.params, present), trial.value, trial.user_attrs.get(_SAID, ""))


def _values(drawn: dict[str, Any], present: Values) -> dict[str, Value]:
    """Return what is tried: rates as they are shown, but the present ones to the last digit."""
    return drawn if drawn == dict(present) else {path: rounded(value) for path, value in drawn.items()}


def _distribution(setting: Setting) -> "optuna.distributions.BaseDistribution":
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if not isinstance(setting, Between):
        return CategoricalDistribution(setting.options)
    if setting.whole:
        return IntDistribution(int(setting.low), int(setting.high))
    return FloatDistribution(setting.low, setting.high, log=True)
