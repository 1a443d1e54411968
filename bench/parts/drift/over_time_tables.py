"""The tables of the lines that follow time. What stands in them is measured by `over_time`."""

from collections.abc import Iterator

import numpy as np

from bench.parts.drift.counts import Found, count_of


def tell_slow(found: Found) -> Iterator[str]:
    """Yield the table of growing topics."""
    cells = found["slow"]
    n, n_windows = count_of(cells, "n"), int(cells[0]["n_windows"]) if cells else 0
    yield "### A topic that grows by 2% of the rows a window"
    yield ""
    yield (
        "The topics of the line on a fifth of the rows, from 2% in the first window on. Streams found up "
        "to each window, with the window before joined, as every look does, and with each window alone."
    )
    yield ""
    shown = [window for window in range(1, n_windows + 1) if window % 2 == 0]
    yield "| looked at | " + " | ".join(f"window {window} ({2 * window}%)" for window in shown) + " |"
    yield "|---|" + "---|" * len(shown)
    for name, title in (("joined", "joined with the window before"), ("alone", "each window alone")):
        places = [place for cell in cells for place in cell["found"][name]]
        counts = [sum(0 < place <= window for place in places) for window in shown]
        yield f"| {title} | " + " | ".join(f"{100 * count / n:.0f}%" for count in counts) + " |"
    yield ""
    yield f"{n} streams."


def tell_dated(found: Found) -> Iterator[str]:
    """Yield the table of dated texts."""
    yield "### Real texts in order of time"
    yield ""
    yield (
        "A head of the oldest rows, labelled rows for the curve after them, then 500 reference rows and windows of 200 "
        "in order of date. No right answer is known for drift; for accuracy it is, since every row has its label. A "
        "window is looked at against the reference, and against the 500 rows just before it (what moved lately?)."
    )
    yield ""
    yield (
        "| texts | reference | windows | alarmed | alarmed against the rows just before | called harmful | accuracy, "
        "reference | accuracy, windows: mean, lowest | mean absolute error of the estimate |"
    )
    yield "|---|---|---|---|---|---|---|---|---|"
    for cell in found["dated"]:
        rows = cell["windows"]
        n, right = len(rows), [row["accuracy"] for row in rows]
        errors = [abs(row["estimate"] - row["accuracy"]) for row in rows if row["estimate"] is not None]
        parts = [
            cell["name"],
            " to ".join(cell["reference"]),
            str(n),
            *(f"{sum(bool(row[key]) for row in rows)} of {n}" for key in ("alarms", "lately")),
            f"{sum(row['harm'] == 'yes' for row in rows)} of {n}",
            f"{100 * cell['accuracy']:.1f}%",
            f"{100 * np.mean(right):.1f}%, {100 * min(right):.1f}%",
            f"{100 * np.mean(errors):.1f} points" if errors else "no estimate",
        ]
        yield f"| {' | '.join(parts)} |"
    yield ""
    yield (
        "Texts of every year differ, so against a fixed reference each window differs from it, and from the rows just "
        "before too: no alarm says whether a change matters. The estimate from confidence saw little of the fall of "
        "accuracy on gold headlines: the head stays as sure of new phrasings as of old ones and is right less often. "
        "Only audit labels show that, and until they are in the answer on meaning is `unknown`."
    )
    yield ""
    for cell in found["dated"]:
        alarmed = [row for row in cell["windows"] if row["alarms"]]
        counts: dict[str, int] = {}
        for name in (name for row in alarmed for name in row["alarms"]):
            counts[name] = counts.get(name, 0) + 1
        first = f"the first alarm in the window that ends {alarmed[0]['to']}" if alarmed else "no alarm"
        by = ", ".join(f"{name} in {n}" for name, n in sorted(counts.items(), key=lambda one: (-one[1], one[0])))
        yield f"{cell['name']}: {first}" + (f"; what alarmed: {by}." if by else ".")
        yield ""
