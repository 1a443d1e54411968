"""Drift, on streams of real public texts: false alarms over time, what is found how soon, and whether harm is told.

Streams are drawn by `parts.drift.streams`, measured by `lines` beside it, and told by `tables`. Peers see the same
windows.
"""

import os
import time
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from bench.cells import Facts, machine, read_cell, run_cell
from bench.parts.drift.cost import measure_cost
from bench.parts.drift.lines import (
    N_WINDOWS,
    measure_harm,
    measure_meaning,
    measure_mix,
    measure_no_change,
    measure_topic,
)
from bench.parts.drift.over_time import N_GROWING, measure_dated, measure_slow
from bench.parts.drift.recognised import measure_recognised
from bench.parts.drift.stories import measure_stories
from bench.parts.drift.streams import Population, Rows, chunks, joined, made_up, population
from bench.parts.drift.tables import write_section
from bench.parts.drift.texts import load_texts
from bench.parts.public_data import data_folder, not_measured

SAME = ("clinc150", "banking77", "gold_headlines_dated", "support_unlabelled_multidogo", "cfpb_complaints_dated")
MIXED = ("banking77", "clinc150", "gold_headlines_dated")
HARDER = ("clinc150", "banking77")
RECOGNISED = ("clinc150", "support_unlabelled_multidogo")
DATED = {"gold_headlines_dated": 600, "cfpb_complaints_dated": 300}  # rows that the head learns from
SHARES = (0.05, 0.1, 0.2)  # of headlines among other sentences
AUDITS = (0, 10, 20, 50, 100, 200, 400, 800)
N_STREAMS = int(os.environ.get("FSL_BENCH_STREAMS", "600"))  # of the first two lines
N_OTHERS = int(os.environ.get("FSL_BENCH_OTHERS", "200"))  # of the others
N_MORE = 300  # of the first line alone, without peers: of 600 the bound was beyond 5%, by little
N_PEERS = 40  # streams on which Evidently is asked too: it takes most of the time

_OF = {"recipe": 3}  # raised where the detectors, or what a line asks of them, change: older cells are measured again
# Cells that are not begun within so many minutes are left out; each table says of how many streams it is.
_UNTIL = time.monotonic() + 60 * float(os.environ.get("FSL_BENCH_MINUTES", "inf"))

Cell = tuple[str, Callable[[], Facts]]


def run(*, quick: bool) -> str:
    """Measure every cell and return the section of docs/benchmarks.md."""
    if quick:
        return write_section(_measure_quickly(), machine())
    if not data_folder().is_dir():
        return not_measured("Drift", data_folder())
    return write_section(_measure_all(), machine())


def _measure_all() -> dict[str, list[Facts]]:
    """Return every line's cells. The dear ones come last."""
    return {line: list(_measured(cells)) for line, cells in _lines().items()}


def _lines() -> dict[str, Iterator[Cell]]:
    """Return the cells of every line, by name, with what measures them."""
    return {
        "topic": (
            (f"topic-{part.start}", partial(measure_topic, part, topic_source, n_peers=N_PEERS))
            for part in chunks(N_OTHERS, 10)
        ),
        "recognised": ((f"recognised-{name}", partial(measure_recognised, name)) for name in RECOGNISED),
        "harm": (
            (f"harm-{part.start}", partial(measure_harm, part, _of(HARDER), fall=0.10, n_large=1000))
            for part in chunks(N_OTHERS, 10)
        ),
        "stories": (
            (f"stories-{part.start}", partial(measure_stories, part, topic_source)) for part in chunks(100, 10)
        ),
        "headlines": (
            (
                f"headlines-{share:g}",
                partial(measure_topic, range(N_OTHERS // 4), headlines_source, n_peers=0, share=share, line=7),
            )
            for share in SHARES
        ),
        "dated": ((f"dated-{name}", partial(_measure_dated, name, n_head)) for name, n_head in DATED.items()),
        "meaning": (
            (f"meaning-{fall:g}", partial(measure_meaning, range(N_OTHERS), _of(HARDER), fall=fall, counts=AUDITS))
            for fall in (0.10, 0.20)
        ),
        "cost": iter([("cost", measure_cost)]),
        "slow": (
            (f"slow-{part.start}", partial(measure_slow, part, topic_source, n_windows=N_GROWING))
            for part in chunks(N_OTHERS // 2, 10)
        ),
        "mix": (
            (f"mix-{part.start}", partial(measure_mix, part, _of(MIXED), n_windows=3, n_peers=N_PEERS))
            for part in chunks(N_STREAMS, 15)
        ),
        "same": (
            (
                f"same-{part.start}",
                partial(measure_no_change, part, _of(SAME), n_windows=N_WINDOWS, n_peers=N_PEERS),
            )
            for part in chunks(N_STREAMS, 5)
        ),
        "same again": (
            (
                f"same-{part.start}",
                partial(measure_no_change, part, _of(SAME), n_windows=N_WINDOWS, n_peers=0, with_mmd=False),
            )
            for part in chunks(N_STREAMS + N_MORE, 5)
            if part.start >= N_STREAMS
        ),
    }


def _measured(cells: Iterator[Cell]) -> Iterator[Facts]:
    """Measure cells, until the time is up; those that were measured before cost none."""
    for name, measure in cells:
        kept = read_cell("drift", name)
        if (kept is not None and kept.get("of") == _OF) or time.monotonic() < _UNTIL:
            yield run_cell("drift", name, measure, of=_OF)


def _measure_quickly() -> dict[str, list[Facts]]:
    """Return every line on made-up clouds of vectors, a stream or two each: it shows that the bench runs."""
    people = made_up()
    topic = np.setdiff1d(np.arange(people.traits.n_rows), people.pool)

    def choose(_: int) -> Population:
        return people

    return {
        "topic": [measure_topic(range(2), lambda _: (people, topic), n_peers=1)],
        "recognised": [],
        "harm": [measure_harm(range(2), choose, fall=0.05, n_large=300)],
        "slow": [measure_slow(range(1), lambda _: (people, topic), n_windows=2)],
        "headlines": [],
        "dated": [],
        "meaning": [measure_meaning(range(2), choose, fall=0.2, counts=(0, 50))],
        "stories": [measure_stories(range(2), lambda _: (people, topic))],
        "cost": [],
        "mix": [measure_mix(range(2), choose, n_windows=1, n_peers=0)],
        "same": [measure_no_change(range(2), choose, n_windows=2, n_peers=0)],
        "same again": [],
    }


def topic_source(number: int) -> tuple[Population, Rows]:
    """Return whose traffic it is, and rows of a topic that is new to it: CLINC150, chats, headlines."""
    if number % 2 == 0:
        domains = np.unique(population("clinc150").groups)
        return _without("clinc150", str(domains[domains != "oos"][number // 2 % 10]))
    if number % 10 == 9:
        return headlines_source(number)
    domains = np.unique(population("support_unlabelled_multidogo").groups)
    return _without("support_unlabelled_multidogo", str(domains[number // 2 % len(domains)]))


def headlines_source(_: int) -> tuple[Population, Rows]:
    """Return sentences of annual reports and news as traffic, and headlines on gold as what is new."""
    return joined("financial_phrasebank", "gold_headlines_dated")


def _measure_dated(name: str, n_head: int) -> Facts:
    return measure_dated(load_texts(name), n_head=n_head, n_labelled=500 if name.startswith("gold") else 300)


def _without(name: str, domain: str) -> tuple[Population, Rows]:
    people = population(name, without=domain)
    return people, np.flatnonzero(people.groups == domain)


def _of(names: tuple[str, ...]) -> Callable[[int], Population]:
    return lambda number: population(names[number % len(names)])
