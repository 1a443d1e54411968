"""Fits that know nothing of one another, on as many cores as linear algebra would take for each of them."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from threadpoolctl import ThreadpoolController

Asked = TypeVar("Asked")
Fitted = TypeVar("Fitted")


@cache
def blas_threads() -> ThreadpoolController:
    """Return what limits the threads of numpy and scipy; finding their libraries takes longer than a small fit."""
    return ThreadpoolController().select(user_api="blas")


def fit_side_by_side(fit: Callable[[Asked], Fitted], asked: Sequence[Asked]) -> list[Fitted]:
    """Return what `fit` makes of each, in order; each fit has one thread.

    Products of some thousand rows gain little from a second thread, and lose much to waiting for it where cores are
    busy. Within such a fit there is one thread to share, so what it asks for is done in turn.
    """
    n_threads = max((library["num_threads"] for library in blas_threads().info()), default=1)
    with blas_threads().limit(limits=1):
        if n_threads == 1 or len(asked) < 2:
            return [fit(one) for one in asked]
        with ThreadPoolExecutor(min(n_threads, len(asked))) as pool:
            return list(pool.map(fit, asked))
