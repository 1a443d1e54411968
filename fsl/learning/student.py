"""The student: the small encoder that will be served. Which candidates are tried, and who wins, stands here.

What a candidate is stands in `candidates`; what becomes of many of them within a budget in `halving`.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fsl.config import LearningConfig
from fsl.learning.encoders import UnitEncoder, load_encoder
from fsl.learning.errors import EpisodeTooLarge, TrainingDiverged
from fsl.learning.heads import Head
from fsl.learning.selection.candidates import DISTILLED, Fitted, distil, fit_probe_candidate, starts
from fsl.learning.selection.choice import (
    MIN_TUNE_ROWS,
    Candidate,
    Choice,
    also_against,
    choose_candidate,
    prefer_simpler,
    split_for_stopping,
)
from fsl.learning.selection.halving import halve
from fsl.learning.selection.rehearsal import rehearse
from fsl.learning.teacher import SoftLabels
from fsl.learning.teaching import ChampionSays
from fsl.learning.training.tracking import Track, ignore, renamed
from fsl.learning.training.watching import Progress
from fsl.problems.base import Problem
from fsl.samples import Sample

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Student:
    """The candidate that won, ready for export."""

    network: UnitEncoder
    head: Head
    labels: tuple[str, ...]
    base_model: str
    tokenizer_file: Path
    max_length_tokens: int
    candidates: tuple[Candidate, ...]
    choice: Choice
    max_windows: int = 1


@dataclass(frozen=True)
class _Contest:
    """What every student that is trained in full shares."""

    train: Sequence[Sample]
    known: Sequence[Sample]
    pool: Sequence[Sample]
    soft_labels: SoftLabels
    problem: Problem
    config: LearningConfig
    stop: Sequence[Sample]
    champion: ChampionSays | None
    probe: Fitted
    progress: Progress
    track: Track

    def fit(self, name: str, *, done: float, share: float = 1.0) -> Fitted:
        """Train one student. The floor is there, so a fit that came to nothing costs a candidate alone.

        Args:
            done: how much of all is done before it, as a share; with it, one half more.
            share: of its epochs that it is trained for.
        """
        in_full = share == 1.0
        track = ignore if self.track is ignore or not in_full else renamed(self.track, f"student {name}")
        half = 1.0 if len(starts(self.config, self.problem)) == 1 else 0.5
        try:
            return distil(
                self.train,
                self.known,
                self.pool,
                self.soft_labels,
                self.problem,
                self.config,
                name=name,
                share=share,
                stop=self.stop,
                champion=self.champion,
                progress=lambda part: self.progress(done + half * part) if in_full else None,
                track=track,
            )
        except (TrainingDiverged, EpisodeTooLarge) as error:
            return Fitted(self.probe.network, self.probe.head, Candidate(name, (), 0.0, str(error)))


def adapt_student(
    train: Sequence[Sample],
    tune: Sequence[Sample],
    pool: Sequence[Sample],
    soft_labels: SoftLabels,
    problem: Problem,
    config: LearningConfig,
    *,
    champion: ChampionSays | None = None,
    progress: Progress = lambda share: None,
    track: Track = ignore,
) -> Student:
    """Distil the soft labels into the student, and return it or the probe, whichever rows that were held out favour.

    Those are tune rows. Where they are too few to tell, training is rehearsed without some of the train rows, which
    then take their place (`fsl.learning.selection.rehearsal`), as far as `learning.budget_minutes` goes.

    Args:
        champion: what the old champion says of train rows and pool; it has no word in a rehearsal, whose held-out rows
            it learnt from.
    """
    stop, asked = split_for_stopping(tune, config)
    known = [sample for sample in asked if set(problem.labels_in(sample.target)) <= set(soft_labels.labels)]
    base = load_encoder(config.encoder, role="student", unit=problem.unit)
    probe = fit_probe_candidate(base, train, known, problem, soft_labels, config)
    contest = _Contest(train, known, pool, soft_labels, problem, config, stop, champion, probe, progress, track)
    fitted, results = (_by_rehearsal if len(known) < MIN_TUNE_ROWS else _by_tune_rows)(contest)
    # What cost more must be worth it; only then may it ask for the probe's place.
    n_whole = len(fitted) + 1
    choice = choose_candidate(results[0], [prefer_simpler(results[1:n_whole])])
    choice = also_against(choice, results[1], results[2:n_whole])
    log.info("choice: %s", choice.reason)
    winner = next(one for one in (probe, *fitted) if one.result.name == choice.winner)
    return Student(
        winner.network,
        winner.head,
        soft_labels.labels,
        base.name,
        base.tokenizer_file,
        base.max_length_tokens,
        tuple(results),
        choice,
        base.max_windows,
    )


def _by_tune_rows(contest: _Contest) -> tuple[list[Fitted], list[Candidate]]:
    """Return the students that were trained in full; and how all did: the probe, these, and those that are out."""
    plain = contest.fit(DISTILLED, done=0.0)
    narrowed = halve(
        starts(contest.config, contest.problem)[1:],
        lambda name, share: contest.fit(name, done=0.5, share=share).result,
        seconds=60.0 * contest.config.budget_minutes,
        full_seconds=plain.result.cost_seconds,
    )
    fitted = [plain] if narrowed.left is None else [plain, contest.fit(narrowed.left, done=0.5)]
    return fitted, [contest.probe.result, *(one.result for one in fitted), *narrowed.out]


def _by_rehearsal(contest: _Contest) -> tuple[list[Fitted], list[Candidate]]:
    """Return the same where tune rows are too few: train rows that a rehearsal holds out are asked in their place."""
    config, probe = contest.config, contest.probe
    plain, others = contest.fit(DISTILLED, done=0.0), starts(config, contest.problem)[1:]
    rehearsal = None
    if _is_sound(plain, probe):
        cost = contest.soft_labels.cost_seconds + plain.result.cost_seconds * (2 if others else 1)
        labels = contest.soft_labels.labels
        rehearsal = rehearse(contest.train, contest.pool, contest.problem, config, labels=labels, cost_seconds=cost)
    if rehearsal is None:
        why = "not trained: nothing could tell whether it is any better"
        out = [Candidate(name, (), 0.0, why) for name in others]
        return [plain], [probe.result, plain.result, *out]
    left = rehearsal.narrowed.left
    fitted = [plain] if left is None else [plain, contest.fit(left, done=0.5)]
    pairs = list(zip(fitted, rehearsal.trained, strict=True))
    results = [rehearsal.probe, *(found if _is_sound(one, probe) else one.result for one, found in pairs)]
    if len(contest.known) == 0:
        fitted = [replace(one, head=rehearsal.calibrated(one)) for one in fitted]
    return fitted, [*results, *rehearsal.narrowed.out]


def _is_sound(fitted: Fitted, probe: Fitted) -> bool:
    """Say whether a fit came to anything; one that did not has the probe's network in its place."""
    return fitted.network is not probe.network
