"""How one set of settings is scored: as a retrain would score its student, on rows that it was not fitted to."""

from collections.abc import Sequence

from fsl.config import LearningConfig
from fsl.learning.encoders import load_encoder
from fsl.learning.errors import NothingToTuneOn
from fsl.learning.selection.candidates import distil, fit_probe_candidate
from fsl.learning.selection.choice import MIN_TUNE_ROWS, split_for_stopping
from fsl.learning.selection.rehearsal import rehearse
from fsl.learning.teacher import adapt_teacher
from fsl.learning.tuning.search import Scored
from fsl.problems.base import Problem
from fsl.samples import Sample


def score_settings(
    train: Sequence[Sample],
    tune: Sequence[Sample],
    pool: Sequence[Sample],
    problem: Problem,
    config: LearningConfig,
    *,
    where: str,
) -> Scored:
    """Train once and return the log-likelihoods of held-out rows under student and probe.

    Tune rows are asked, or, where they are too few, train rows that a rehearsal holds out. The meta-learned start and
    `learning.candidates` are left out: they are candidates of their own, at a price of their own.

    Raises:
        NothingToTuneOn: there are too few rows for either.
        TooFewLabels, TooFewRows, TrainingDiverged, OutOfMemory: as a retrain would.
    """
    config = config.model_copy(update={"meta": config.meta.model_copy(update={"method": "off"}), "candidates": {}})
    labels = {label for sample in train for label in problem.labels_in(sample.target)}
    known = [sample for sample in tune if set(problem.labels_in(sample.target)) <= labels]
    if len(known) < MIN_TUNE_ROWS:
        return _by_rehearsal(train, pool, problem, config, labels=sorted(labels), where=where)
    soft = adapt_teacher(train, known, pool, problem, config, where=where)
    stop, known = split_for_stopping(known, config)
    base = load_encoder(config.encoder, role="student", unit=problem.unit)
    probe = fit_probe_candidate(base, train, known, problem, soft, config)
    student = distil(train, known, pool, soft, problem, config, stop=stop)
    return Scored(student.result.log_likelihoods, probe.result.log_likelihoods)


def _by_rehearsal(
    train: Sequence[Sample],
    pool: Sequence[Sample],
    problem: Problem,
    config: LearningConfig,
    *,
    labels: Sequence[str],
    where: str,
) -> Scored:
    found = rehearse(train, pool, problem, config, labels=labels, cost_seconds=0.0)  # minutes are tuning's own here
    if found is None:
        raise NothingToTuneOn(len(train), MIN_TUNE_ROWS, where)
    return Scored(found.trained[0].log_likelihoods, found.probe.log_likelihoods)
