"""The five tests between a reference and a current window, each with its words.

| finding | asks | effect |
|---|---|---|
| `texts` | did the traffic change at all? | MMD of the embeddings |
| `texts_given_answers` | did the texts behind each answer change? | MMD, each answer weighted alike |
| `telling_apart` | how well can old and new texts of one answer be told apart? | AUROC |
| `answers` | did the mix of answers change? | total variation |
| `confidence` | is the model less, or more, sure? | Kolmogorov-Smirnov distance |
"""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from fsl.drift.detectors.answer_mix import compare_answers
from fsl.drift.detectors.classifier import tell_apart
from fsl.drift.detectors.findings import Example, Finding
from fsl.drift.detectors.mmd import build_kernel, compute_mmd
from fsl.drift.detectors.permutations import number_strata
from fsl.drift.errors import DifferentEncoders
from fsl.drift.windows.window import Window
from fsl.pages.words import p_words

MAX_EXAMPLE_CHARS = 160


def run_tests(reference: Window, current: Window, *, n_permutations: int, seed: int) -> tuple[Finding, ...]:
    """Return every finding. Raises DifferentEncoders."""
    if reference.encoder != current.encoder or reference.embeddings.shape[1] != current.embeddings.shape[1]:
        raise DifferentEncoders(reference.encoder, current.encoder)
    strata = number_strata(reference.labels, current.labels)
    kernel = build_kernel(reference.embeddings, current.embeddings)
    return (
        _test_texts(kernel, reference.n_rows, n_permutations, seed),
        _test_texts_given_answers(kernel, reference.n_rows, strata, n_permutations, seed),
        _test_telling_apart(reference, current, strata, n_permutations, seed),
        _test_answers(reference, current, n_permutations, seed),
        _test_confidence(reference, current),
    )


def _test_texts(kernel: NDArray[np.float64], n_reference: int, n_permutations: int, seed: int) -> Finding:
    alike = np.zeros(len(kernel), dtype=np.intp)
    found = compute_mmd(kernel, n_reference, alike, n_permutations=n_permutations, seed=seed)
    words = f"all texts together: MMD {found.distance:.3f}, {p_words(found.p_value)}"
    return Finding("texts", found.p_value, found.distance, words)


def _test_texts_given_answers(
    kernel: NDArray[np.float64], n_reference: int, strata: NDArray[np.intp], n_permutations: int, seed: int
) -> Finding:
    found = compute_mmd(kernel, n_reference, strata, n_permutations=n_permutations, seed=seed)
    part = _part(found.n_compared, len(strata))
    words = f"texts of the same answer: MMD {found.distance:.3f}, {p_words(found.p_value)}{part}"
    return Finding("texts_given_answers", found.p_value, found.distance, words)


def _test_telling_apart(
    reference: Window, current: Window, strata: NDArray[np.intp], n_permutations: int, seed: int
) -> Finding:
    found = tell_apart(reference.embeddings, current.embeddings, strata, n_permutations=n_permutations, seed=seed)
    words = (
        f"old and new texts of the same answer are told apart with AUROC {found.auroc:.2f}, {p_words(found.p_value)}"
        f"{_part(found.n_compared, len(strata))}"
    )
    examples = tuple(
        Example(current.ids[row], _start(current.texts[row]), " + ".join(current.labels[row]))
        for row in found.most_telling
    )
    share = found.n_compared / len(strata)
    return Finding("telling_apart", found.p_value, found.auroc, words, examples=examples, compared_share=share)


def _test_answers(reference: Window, current: Window, n_permutations: int, seed: int) -> Finding:
    found = compare_answers(reference.labels, current.labels, n_permutations=n_permutations, seed=seed)
    moved = [share for share in found.shares[:3] if abs(share.current - share.reference) >= 0.005]
    shares = [f"{share.label} {100 * share.reference:.0f}% to {100 * share.current:.0f}%" for share in moved]
    changes = f" ({', '.join(shares)})" if shares else ""
    words = f"the mix of answers: {100 * found.distance:.0f}% moved{changes}, {p_words(found.p_value)}"
    return Finding("answers", found.p_value, found.distance, words)


def _test_confidence(reference: Window, current: Window) -> Finding:
    """Source: Smirnov 1948; ties make it conservative (Conover 1972)."""
    before, now = (window.confidence[np.isfinite(window.confidence)] for window in (reference, current))
    n_missing = reference.n_rows + current.n_rows - len(before) - len(now)
    missing = f" ({n_missing} rows without a number left out)" if n_missing else ""
    if len(before) == 0 or len(now) == 0:
        return Finding("confidence", 1.0, 0.0, f"confidence cannot be compared{missing}")
    found = stats.ks_2samp(before, now)
    words = (
        f"confidence: median {np.median(before):.2f} before, {np.median(now):.2f} now, "
        f"distance {found.statistic:.2f}, {p_words(found.pvalue)}{missing}"
    )
    return Finding("confidence", float(found.pvalue), float(found.statistic), words)


def _part(n_compared: int, n_rows: int) -> str:
    return "" if n_compared == n_rows else f" (on the {n_compared} of {n_rows} rows whose answer both windows have)"


def _start(text: str) -> str:
    return text if len(text) <= MAX_EXAMPLE_CHARS else f"{text[:MAX_EXAMPLE_CHARS]}…"
