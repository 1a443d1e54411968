"""The lines of the drift bench that follow time: a topic that grows from window to window, and dated texts in order."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from bench.cells import Facts
from bench.parts.drift.lines import LEVEL, N_SHUFFLES, TOLERANCE, fit_stream_curve, look
from bench.parts.drift.streams import (
    N_REFERENCE,
    N_WINDOW,
    Population,
    Rows,
    Stream,
    build_population,
    draw_growing_topic,
    seeds_of,
)
from bench.parts.drift.texts import Texts
from fsl.drift.detectors.changes import find_changes
from fsl.drift.harm.estimate import estimate_accuracy
from fsl.drift.harm.verdict import assess_harm

GROWTH, N_GROWING = 0.02, 12
Source = Callable[[int], tuple[Population, Rows]]


def measure_slow(streams: Sequence[int], source: Source, *, n_windows: int) -> Facts:
    """Return in which window a topic that grows by 2% a window was found, joined with the window before and alone."""
    found: dict[str, list[int]] = {"joined": [], "alone": []}
    for number in streams:
        people, topic = source(number)
        seed = seeds_of(6, number)
        stream = draw_growing_topic(people, topic, GROWTH, n_windows, seed)
        found["joined"].append(_first_alarm(stream, seed, n_windows, is_joined=True))
        found["alone"].append(_first_alarm(stream, seed, n_windows, is_joined=False))
    return {"n": len(streams), "n_windows": n_windows, "found": found}


def _first_alarm(stream: Stream, seed: int, n_windows: int, *, is_joined: bool) -> int:
    """Return the first window that alarms, counted from 1; 0 where none does."""
    for place in range(n_windows):
        seen = stream if is_joined else replace(stream, windows=(stream.windows[place],))
        if look(seen, place if is_joined else 0, seed + place).alarms():
            return place + 1
    return 0


def measure_dated(data: Texts, *, n_head: int, n_labelled: int) -> Facts:
    """Run over real texts in order of time: a head of the first rows, then labelled rows, reference, windows.

    No right answer is known for drift. For accuracy it is: every row has its label.
    """
    order = np.argsort(data.dates, kind="stable")
    people = build_population(data, fit_on=order[:n_head])
    served = order[n_head + n_labelled :]
    n_windows = (len(served) - N_REFERENCE) // N_WINDOW
    windows = tuple(np.split(served[N_REFERENCE : N_REFERENCE + n_windows * N_WINDOW], n_windows))
    stream = Stream(people, order[n_head : n_head + n_labelled], served[:N_REFERENCE], windows)
    curve, reference = fit_stream_curve(stream), people.served(stream.reference)
    rows = []
    for place, window in enumerate(windows):
        found = look(stream, place, seeds_of(8, place))
        harm = assess_harm(
            curve,
            reference,
            people.served(window),
            has_changed=bool(found.alarms()),
            tolerance=TOLERANCE,
            level=LEVEL,
        )
        estimate = estimate_accuracy(curve, people.served(window))
        # Against the window before, as if each were a new champion's reference: what moved lately?
        lately = _moved_lately(stream, place) if place else False
        rows.append(
            {
                "from": str(data.dates[window[0]]),
                "to": str(data.dates[window[-1]]),
                "alarms": [one.name for one in found.alarms()],
                "lately": lately,
                "harm": harm.by_texts,
                "accuracy": float(people.right[window].mean()),
                "estimate": estimate.value if estimate else None,
            }
        )
    return {
        "name": data.name,
        "n_head": n_head,
        "reference": [str(data.dates[stream.reference[0]]), str(data.dates[stream.reference[-1]])],
        "accuracy": float(people.right[stream.reference].mean()),
        "windows": rows,
    }


def _moved_lately(stream: Stream, place: int) -> bool:
    traits = stream.population.traits
    before = np.concatenate([stream.reference, *stream.windows[:place]])[-N_REFERENCE:]
    found = find_changes(
        traits.pick(before),
        traits.pick(stream.windows[place]),
        level=LEVEL,
        n_shuffles=N_SHUFFLES,
        seed=seeds_of(9, place),
    )
    return bool(found.alarms())
