"""Threads for what an export does side by side."""

import os
from concurrent.futures import ThreadPoolExecutor

_MOST = 4  # a graph that is being written, or a product that is measured, is in memory a few times


def workers() -> ThreadPoolExecutor:
    """Return threads for work that takes one each; what is timed has to run alone."""
    return ThreadPoolExecutor(min(_MOST, os.cpu_count() or 1))
