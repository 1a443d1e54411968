"""The statistics of the tests, each as columns whose sums over the current rows say how far the windows are apart.

Columns are made from both windows together without looking at which is which: that keeps the shuffles exact.
"""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from itertools import chain, repeat

import numpy as np
from numpy.typing import NDArray

from fsl.drift.detectors.clusters import cluster_shares
from fsl.drift.detectors.joint import Form, Reduce
from fsl.drift.detectors.traits import Traits

N_FREQUENCIES = 256
# Penalty in units of the mean squared singular value. Of 1, 4, 16 and 64, power to find a new domain grew up to 16
# and then fell.
PENALTY = 16.0
# Of 0.1, 0.3, 1, 4 and 16: foretold most of the ranks of confidence, 16 to 46% of their variance on four data sets.
_PENALTY_OF_SURENESS = 1.0
_MAX_WORDS, _MIN_TEXTS = 1000, 3  # words that are counted, and in how many texts they must stand
# Ranks to this power weigh the least sure rows: a new topic shows in the tail first. Of 1 and 4, chosen on domains of
# CLINC150 as the new topic: 70% against 98% found in one window.
_TAIL = 4


def texts_form(embeddings: NDArray[np.float32]) -> Form:
    """Squared maximum mean discrepancy of a Gaussian kernel, by random features.

    The kernel is as wide as the mean squared distance of any two rows.

    Source:
        Gretton et al. 2012, JMLR 13:723-773; features: Rahimi and Recht 2007, NIPS.
    """
    return Form("texts", centre(random_features(embeddings)), sum_of_squares)


def telling_form(embeddings: NDArray[np.float32]) -> Form:
    """How well ridge regression on the embeddings tells the windows apart.

    Source:
        Lopez-Paz and Oquab 2017, arXiv:1610.06545; linear, with shuffles: Kim, Ramdas, Singh and Wasserman 2021,
        Annals of Statistics 49:411-434; the form is a regularised Hotelling T squared: Li et al. 2020, JASA.
    """
    centred = centre(embeddings)
    return Form("telling_apart", centred, squares_after(whitening(centred)))


def within_form(embeddings: NDArray[np.float32], strata: NDArray[np.intp]) -> Form:
    """How well ridge regression tells the windows apart once every text is taken less its answer's mean.

    Where answers lie far apart, what changes within them is small beside that, and this sees it.
    """
    centred = centre_within(embeddings, strata)
    return Form("within_answers", centred, squares_after(whitening(centred)))


def clusters_form(embeddings: NDArray[np.float32], n_current: int) -> Form:
    """Rises of clusters of texts: a few large ones, which a new topic makes, rather than many small ones."""
    return Form("clusters", standardise(cluster_shares(embeddings), n_current), rises)


def answers_form(traits: Traits) -> Form:
    """Pearson's chi squared of windows against labels; a row may hold several."""
    given = one_hot(traits.answers)
    return Form("answers", centre(given / np.sqrt(np.maximum(given.sum(axis=0), 1))), sum_of_squares)


def surge_form(traits: Traits, n_current: int) -> Form:
    """The largest rise of any label, in standard deviations of its own shuffles."""
    return Form("surge", standardise(one_hot(traits.answers), n_current), largest)


def number_form(name: str, values: NDArray[np.float64], n_current: int) -> Form:
    """The mean rank, moved either way (Wilcoxon 1945); a row without a number counts as a middle one."""
    return Form(name, standardise(ranks_of(values)[:, None], n_current), largest_either_way)


def sureness_form(confidence: NDArray[np.float64], embeddings: NDArray[np.float32], n_current: int) -> Form:
    """The mean rank of confidence less what ridge regression on the text foretells: as sure as ever of such a text?

    Where texts are alike, how sure they make the version varies much more than what is left, so a shift stands out.
    Each row is foretold without itself.
    """
    ranks = ranks_of(confidence).astype(np.float64)
    ranks -= ranks.mean()
    centred = centre(embeddings)
    whitened = whitening(centred, _PENALTY_OF_SURENESS)(centred)
    leverage = np.minimum((whitened.astype(np.float64) ** 2).sum(axis=1) + 1 / len(ranks), 1 - 1e-9)
    left = (ranks - whitened @ (whitened.T @ ranks)) / (1 - leverage)
    return number_form("sureness", np.where(np.isfinite(confidence), left, np.nan), n_current)


def out_of_scope_form(confidence: NDArray[np.float64], n_current: int) -> Form:
    """Whether the least sure rows of both windows are the current ones.

    Source:
        Hendrycks and Gimpel 2017, arXiv:1610.02136, for confidence as the score; the power of ranks: Gastwirth 1965,
        JASA 60:1127-1141.
    """
    return Form("out_of_scope", standardise(ranks_of(-confidence)[:, None] ** _TAIL, n_current), largest)


def script_form(traits: Traits, n_current: int) -> Form:
    """The largest change of any script's share."""
    return Form("script", standardise(one_hot([(name,) for name in traits.script]), n_current), largest_either_way)


def vocabulary_form(traits: Traits, n_current: int) -> tuple[Form, tuple[str, ...]]:
    """Rises of words' shares of the texts, and the words in the order of the columns."""
    counts = Counter(chain.from_iterable(traits.words))
    common = sorted((word for word in counts if counts[word] >= _MIN_TEXTS), key=lambda word: (-counts[word], word))
    place = {word: column for column, word in enumerate(common[:_MAX_WORDS])}
    held = _mark(traits.words, place, traits.n_rows)
    return Form("vocabulary", standardise(held, n_current), rises), tuple(place)


def random_features(embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return features whose inner products are a Gaussian kernel's, as wide as rows are apart on average."""
    centred = embeddings - embeddings.mean(axis=0)
    width = 2 * float(np.einsum("ij,ij->", centred, centred, dtype=np.float64)) / max(1, len(centred))
    # The same frequencies for every window, so that its numbers do not change with a seed.
    draws = np.random.default_rng(0).normal(size=(embeddings.shape[1], N_FREQUENCIES))
    phases = centred @ (draws * np.sqrt(2 / max(width, 1e-12))).astype(np.float32)
    waves = np.concatenate([np.cos(phases), np.sin(phases)], axis=1)
    return np.asarray(waves / np.sqrt(N_FREQUENCIES), dtype=np.float32)


def whitening(
    centred: NDArray[np.float32], penalty: float = PENALTY
) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """Return what makes every direction of these rows weigh alike, the faint ones less by the penalty.

    It is linear: sums of rows may be whitened instead of the rows, which are more.
    """
    from scipy.linalg import cholesky
    from scipy.linalg.lapack import strtri

    gram = (centred.T @ centred).astype(np.float64)
    gram[np.diag_indices_from(gram)] += penalty * max(float(np.trace(gram)) / min(centred.shape), 1e-12)
    lower = cholesky(gram, lower=True, check_finite=False).astype(np.float32)
    # The penalty bounds its condition, so the inverse loses nothing, and products are the quickest there is.
    inverse = strtri(lower, lower=1)[0].T
    return lambda rows: rows @ inverse


def one_hot(answers: Sequence[Sequence[str]]) -> NDArray[np.float32]:
    """Return a column for each name, in alphabetical order."""
    place = {name: column for column, name in enumerate(sorted(set(chain.from_iterable(answers))))}
    return _mark(answers, place, len(answers))


def _mark(rows: Sequence[Collection[str]], place: dict[str, int], n_rows: int) -> NDArray[np.float32]:
    """Return 1 where a row holds the name of a column, (n_rows, at least 1); names without a column are left out."""
    found = np.zeros((n_rows, max(1, len(place))), dtype=np.float32)
    n_names = sum(map(len, rows))
    columns = np.fromiter(map(place.get, chain.from_iterable(rows), repeat(-1)), dtype=np.intp, count=n_names)
    in_row = np.repeat(np.arange(n_rows), np.fromiter(map(len, rows), dtype=np.intp, count=n_rows))
    known = columns >= 0
    found[in_row[known], columns[known]] = 1.0
    return found


def ranks_of(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return ranks between 0 and 1, equal values alike, NaN in the middle."""
    from scipy.stats import rankdata

    known = np.isfinite(values)
    ranks = np.full(len(values), 0.5, dtype=np.float32)
    ranks[known] = rankdata(values[known]) / (known.sum() + 1)
    return ranks


def centre_within(columns: NDArray[np.float32], strata: NDArray[np.intp]) -> NDArray[np.float32]:
    """Return the columns less their stratum's mean; strata are numbered without a gap."""
    counts = np.bincount(strata)
    order = np.argsort(strata, kind="stable")
    sums = np.add.reduceat(columns[order], np.concatenate([[0], np.cumsum(counts)[:-1]]), axis=0, dtype=np.float64)
    return np.asarray(columns - (sums / counts[:, None])[strata], dtype=np.float32)


def centre(columns: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(columns - columns.mean(axis=0, dtype=np.float64), dtype=np.float32)


def standardise(columns: NDArray[np.float32], n_current: int) -> NDArray[np.float32]:
    """Return columns whose sums over a shuffled current window have mean 0 and variance 1."""
    n_rows = len(columns)
    centred = columns - columns.mean(axis=0, dtype=np.float64)
    of_sums = n_current * (n_rows - n_current) / (n_rows * max(1, n_rows - 1)) * (centred**2).sum(axis=0)
    scaled = np.divide(centred, np.sqrt(of_sums), out=np.zeros_like(centred), where=of_sums > 1e-12)
    return np.asarray(scaled, dtype=np.float32)


def sum_of_squares(sums: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.asarray(np.einsum("ij,ij->i", sums, sums, dtype=np.float64))


def squares_after(change: Callable[[NDArray[np.float32]], NDArray[np.float32]]) -> Reduce:
    """Return the sum of squares of sums that were changed by a linear map first."""
    return lambda sums: sum_of_squares(change(sums))


def rises(sums: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the sum of fourth powers of what rose: between the sum of squares, for many faint rises, and the largest.

    On tuning streams of chats words alone found a new topic within one window in 25% by the largest change, 22% by
    squares and 47% by fourth powers.
    """
    squares = np.maximum(sums, 0.0) ** 2
    return np.asarray(np.einsum("ij,ij->i", squares, squares, dtype=np.float64))


def largest(sums: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.asarray(sums.max(axis=1), dtype=np.float64)


def largest_either_way(sums: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.asarray(np.abs(sums).max(axis=1), dtype=np.float64)
