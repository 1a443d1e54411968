"""The lines of the drift bench: each takes the numbers of its streams and returns counts, one cell at a time."""

from collections.abc import Callable, Sequence

import numpy as np

from bench.cells import Facts
from bench.parts.drift.peers import evidently_alarms, mmd_alarms
from bench.parts.drift.streams import (
    Population,
    Rows,
    Stream,
    draw_new_topic,
    draw_same,
    draw_weighted,
    harder_weights,
    mix_weights,
    seeds_of,
)
from fsl.config import DriftConfig
from fsl.drift.detectors.changes import Changes, find_changes
from fsl.drift.harm.audit import AuditRows, bounds_of_labels
from fsl.drift.harm.calibration import Curve, fit_curve
from fsl.drift.harm.estimate import estimate_accuracy, estimate_by_threshold
from fsl.drift.harm.verdict import Harm, assess_harm

CONFIG = DriftConfig()
N_WINDOWS = CONFIG.budget_windows
LEVEL, N_SHUFFLES = CONFIG.level, CONFIG.n_shuffles
TOLERANCE = 0.03
Choose = Callable[[int], Population]


def look(stream: Stream, place: int, seed: int) -> Changes:
    """Test one window of a stream, the one before it being known, as it is when a project is looked at."""
    traits = stream.population.traits
    return find_changes(
        traits.pick(stream.reference),
        traits.pick(stream.windows[place]),
        level=LEVEL,
        n_shuffles=N_SHUFFLES,
        seed=seed,
        earlier=traits.pick(stream.windows[place - 1]) if place else None,
    )


def measure_no_change(
    streams: Sequence[int], choose: Choose, *, n_windows: int, n_peers: int, with_mmd: bool = True
) -> Facts:
    """Return in how many streams without any change something alarmed, and who.

    Args:
        n_peers: Evidently is asked about streams with smaller numbers.
    """
    alarmed, by, peers = 0, {}, {"mmd": [0, 0], "evidently": [0, 0]}
    for number in streams:
        stream = draw_same(choose(number), n_windows, seeds_of(0, number))
        names: set[str] = set()
        for place in range(n_windows):
            found = look(stream, place, seeds_of(0, number) + place)
            names |= {one.name for one in found.alarms()}
        alarmed += bool(names)
        for name in names:
            by[name] = by.get(name, 0) + 1
        if with_mmd:
            _add(peers["mmd"], any(mmd_alarms(stream, window, place) for place, window in enumerate(stream.windows)))
        if number < n_peers:
            _add(peers["evidently"], any(evidently_alarms(stream, window) for window in stream.windows))
    return {"n": len(streams), "alarmed": alarmed, "by": by, "peers": peers}


def measure_mix(streams: Sequence[int], choose: Choose, *, n_windows: int, n_peers: int) -> Facts:
    """Return in how many streams a change of the mix alone was called harmful."""
    facts: Facts = {"n": len(streams), "harmful": 0, "seen": 0, "behind": 0}
    peers = {"mmd": [0, 0], "evidently": [0, 0]}
    for number in streams:
        people, seed = choose(number), seeds_of(1, number)
        stream = draw_weighted(people, mix_weights(people, seed), [200] * n_windows, seed)
        curve = fit_stream_curve(stream)
        looks = [_look_for_harm(stream, place, curve, seed + place) for place in range(n_windows)]
        facts["harmful"] += any(harm.by_texts == "yes" for _, harm in looks)
        facts["seen"] += any(bool(found.alarms()) for found, _ in looks)
        facts["behind"] += any(bool(found.alarms_behind()) for found, _ in looks)
        _add(peers["mmd"], any(mmd_alarms(stream, window, place) for place, window in enumerate(stream.windows)))
        if number < n_peers:
            _add(peers["evidently"], any(evidently_alarms(stream, window) for window in stream.windows))
    return {**facts, "peers": peers}


def measure_topic(
    streams: Sequence[int],
    source: Callable[[int], tuple[Population, Rows]],
    *,
    n_peers: int,
    share: float = 0.2,
    line: int = 2,
) -> Facts:
    """Return in how many streams a new topic in a share of the rows was found in the first and within two windows."""
    facts: Facts = {"n": len(streams), "share": share, "first": 0, "within_two": 0, "by": {}, "sources": {}}
    peers = {"mmd": [0, 0], "evidently": [0, 0]}
    for number in streams:
        people, topic = source(number)
        seed = seeds_of(line, number)
        stream = draw_new_topic(people, topic, share, 2, seed)
        looks = [look(stream, place, seed + place) for place in range(2)]
        facts["first"] += bool(looks[0].alarms())
        is_found = any(bool(found.alarms()) for found in looks)
        facts["within_two"] += is_found
        _add(facts["sources"].setdefault(people.name, [0, 0]), is_found)
        for name in {one.name for found in looks for one in found.alarms()}:
            facts["by"][name] = facts["by"].get(name, 0) + 1
        _add(peers["mmd"], any(mmd_alarms(stream, window, place) for place, window in enumerate(stream.windows)))
        if number < n_peers:
            _add(peers["evidently"], any(evidently_alarms(stream, window) for window in stream.windows))
    return {**facts, "peers": peers}


def measure_harm(streams: Sequence[int], choose: Choose, *, fall: float, n_large: int) -> Facts:
    """Return in how many streams a fall through covariate shift was called harmful, and how good the estimate is."""
    facts: Facts = {"n": len(streams), "first": 0, "within_three": 0, "errors": [], "by_threshold": [], "held": 0}
    for number in streams:
        people, seed = choose(number), seeds_of(3, number)
        stream = draw_weighted(people, harder_weights(people, fall), [200, 200, 200, n_large], seed)
        curve = fit_stream_curve(stream)
        looks = [_look_for_harm(stream, place, curve, seed + place) for place in range(3)]
        facts["first"] += looks[0][1].by_texts == "yes"
        facts["within_three"] += any(harm.by_texts == "yes" for _, harm in looks)
        large, truth = stream.windows[3], float(people.right[stream.windows[3]].mean())
        estimate = estimate_accuracy(curve, people.served(large))
        if estimate is not None:
            facts["errors"].append(estimate.value - truth)
            facts["held"] += estimate.low <= truth <= estimate.high
        confidence = people.traits.confidence
        plain = estimate_by_threshold(confidence[stream.labelled], people.right[stream.labelled], confidence[large])
        facts["by_threshold"].append(plain - truth)
    return facts


def measure_meaning(streams: Sequence[int], choose: Choose, *, fall: float, counts: Sequence[int]) -> Facts:
    """Return how often a change of meaning is called one, by the number of uniform audit labels."""
    facts: Facts = {"n": len(streams), "fall": fall, "before": 0, "found": dict.fromkeys(map(str, counts), 0)}
    for number in streams:
        people, seed = choose(number), seeds_of(4, number)
        generator = np.random.default_rng(seed + 1)
        stream = draw_same(people, 1, seed, n_window=1000)
        curve, window = fit_stream_curve(stream), stream.windows[0]
        served = people.served(window)
        before = assess_harm(
            curve, people.served(stream.reference), served, has_changed=False, tolerance=TOLERANCE, level=LEVEL
        )
        facts["before"] += before.by_meaning == "unknown"
        right = people.right[window].copy()
        # Of rows that were right, so many are wrong under the new meaning that accuracy falls by `fall`.
        right[generator.choice(np.flatnonzero(right), round(fall * len(right)), replace=False)] = False
        chance = curve.predict(served.confidence, served.margin)
        order = generator.permutation(len(window))
        for n in counts:
            rows = order[:n]
            audit = AuditRows(right[rows], np.full(n, n / len(window)), chance[rows])
            bound = bounds_of_labels(audit, level=LEVEL)[1]
            facts["found"][str(n)] += bound < float(chance[rows].mean()) - TOLERANCE if n else False
    return facts


def _look_for_harm(stream: Stream, place: int, curve: Curve, seed: int) -> tuple[Changes, Harm]:
    found = look(stream, place, seed)
    people, window = stream.population, stream.windows[place]
    harm = assess_harm(
        curve,
        people.served(stream.reference),
        people.served(window),
        has_changed=bool(found.alarms()),
        tolerance=TOLERANCE,
        level=LEVEL,
    )
    return found, harm


def fit_stream_curve(stream: Stream) -> Curve:
    """Return the curve from how sure to how often right, of the stream's labelled rows."""
    people, rows = stream.population, stream.labelled
    curve = fit_curve(people.traits.confidence[rows], people.traits.margin[rows], people.right[rows])
    if curve is None:
        raise ValueError(f"{people.name} has too few labelled rows for a curve")
    return curve


def _add(counts: list[int], is_alarm: bool) -> None:
    counts[0] += is_alarm
    counts[1] += 1
