"""What changed between two windows: one test of everything, and if it alarms, one behind the answers.

The second is asked only where the first alarmed, each at the window's whole level: the chance that anything is said
of windows without a change stays at that level, and so does the chance that a mere change of the mix is taken for a
change of the texts behind the answers.

Source:
    Hierarchical testing in a fixed order: Maurer, Hothorn and Lehmacher 1995, Biometrie in der chem.-pharm. Industrie.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsl.drift.detectors.behind import forms_given_answers, in_both
from fsl.drift.detectors.forms import (
    answers_form,
    clusters_form,
    number_form,
    out_of_scope_form,
    script_form,
    sureness_form,
    surge_form,
    telling_form,
    texts_form,
    vocabulary_form,
    within_form,
)
from fsl.drift.detectors.gate import Sizes, judge_window
from fsl.drift.detectors.joint import Form, Judged, judge_together
from fsl.drift.detectors.shuffles import number_strata
from fsl.drift.detectors.traits import Traits

UNSURE_SHARE = 0.25  # of each window's rows


@dataclass(frozen=True, eq=False)
class Changes:
    """What the tests say of one window. An alarm is a joint p-value of at most `level`."""

    level: float
    overall: tuple[Judged, ...]  # all tests together, then each
    behind: tuple[Judged, ...]  # given the answers; empty where nothing alarmed, or no answer is in both windows
    unsure: Judged | None  # the texts among the least sure rows of both windows; None where nothing alarmed
    words: tuple[str, ...]  # of the vocabulary test
    n_compared: int  # rows whose answer both windows have
    is_joined: bool = False  # only together with the rows before is there an alarm: then all this is of the joined rows

    def alarms(self) -> tuple[Judged, ...]:
        return tuple(one for one in self.overall if one.joint_p_value <= self.level)

    def alarms_behind(self) -> tuple[Judged, ...]:
        return tuple(one for one in self.behind if one.joint_p_value <= self.level)

    def is_alarmed(self, *names: str) -> bool:
        return any(one.name in names for one in self.alarms())


def find_changes(
    reference: Traits, current: Traits, *, level: float, n_shuffles: int, seed: int, earlier: Traits | None = None
) -> Changes:
    """Test a window against the reference.

    Args:
        level: the chance of any alarm without a change.
        n_shuffles: at least 2.5 / level, or few p-values could reach the level.
        earlier: rows served just before the current window; none of the reference's.
    """
    generator = np.random.default_rng(seed)
    joined = current if earlier is None else earlier.join(current)
    rows = reference.join(joined)
    forms, words = overall_forms(rows, current.n_rows)
    sizes = Sizes(reference.n_rows, joined.n_rows - current.n_rows, current.n_rows)
    gate = judge_window(forms, sizes, level=level, n_shuffles=n_shuffles, generator=generator)
    if earlier is not None and not gate.is_joined:
        rows = reference.join(current)
    strata = number_strata(rows.answers)
    both = in_both(strata, reference.n_rows)
    alarmed = gate.together.joint_p_value <= level
    behind = _judge_behind(rows, strata, both, reference.n_rows, level, n_shuffles, generator) if alarmed else ()
    unsure = _judge_unsure(rows, reference.n_rows, level, n_shuffles, generator) if alarmed else None
    overall = (gate.together, *gate.forms)
    return Changes(level, overall, behind, unsure, words, int(both.sum()), gate.is_joined)


def overall_forms(rows: Traits, n_current: int) -> tuple[tuple[Form, ...], tuple[str, ...]]:
    """Return every statistic of a window, and the words of the vocabulary test."""
    vocabulary, words = vocabulary_form(rows, n_current)
    # Rows without embeddings are compared by everything else.
    vectors = rows.embeddings
    of_texts = (
        (
            texts_form(vectors),
            telling_form(vectors),
            sureness_form(rows.confidence, vectors, n_current),
            within_form(vectors, number_strata(rows.answers)),
            clusters_form(vectors, n_current),
        )
        if vectors.shape[1]
        else ()
    )
    forms = (
        *of_texts,
        answers_form(rows),
        surge_form(rows, n_current),
        number_form("confidence", rows.confidence, n_current),
        number_form("margin", rows.margin, n_current),
        out_of_scope_form(rows.confidence, n_current),
        number_form("length", rows.length, n_current),
        script_form(rows, n_current),
        vocabulary,
    )
    return forms, words


def _judge_behind(
    rows: Traits,
    strata: NDArray[np.intp],
    both: NDArray[np.bool_],
    n_reference: int,
    level: float,
    n_shuffles: int,
    generator: np.random.Generator,
) -> tuple[Judged, ...]:
    if not both.any() or not rows.embeddings.shape[1]:
        return ()
    kept = np.flatnonzero(both)
    inner = number_strata(strata[kept].tolist())
    n_before = int((kept < n_reference).sum())
    forms = forms_given_answers(rows.pick(kept), inner, n_before)
    return judge_together(forms, n_before, inner, level=level, n_shuffles=n_shuffles, generator=generator)


def _judge_unsure(
    rows: Traits, n_reference: int, level: float, n_shuffles: int, generator: np.random.Generator
) -> Judged | None:
    """Compare the texts of the least sure rows: hard texts of known topics stay the same ones, a new topic does not."""
    if not np.isfinite(rows.confidence).any() or not rows.embeddings.shape[1]:
        return None
    # Of each window its own least sure rows: confidence that moved as a whole is no new topic.
    least = [
        part[rows.confidence[part] <= np.nanquantile(rows.confidence[part], UNSURE_SHARE)]
        for part in (np.arange(n_reference), np.arange(n_reference, rows.n_rows))
        if np.isfinite(rows.confidence[part]).any()
    ]
    kept = np.concatenate(least)
    n_before = int((kept < n_reference).sum())
    if n_before == 0 or n_before == len(kept):
        return None
    form = telling_form(rows.embeddings[kept])
    (found,) = judge_together(
        (form,),
        n_before,
        np.zeros(len(kept), dtype=np.intp),
        level=level,
        n_shuffles=n_shuffles,
        generator=generator,
    )
    return found
