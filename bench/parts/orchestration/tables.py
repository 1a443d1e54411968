"""The section of docs/benchmarks.md on orchestration: one row for each thing that was tried, with its aim."""

import statistics
from collections import Counter
from collections.abc import Sequence

from bench.cells import Facts, machine

NOTES = (
    "What the flow costs is partly waiting. Prefect's server keeps its data in SQLite. A write that meets another one",
    "is answered with 503, and Prefect's client asks again two seconds later.",
    "",
    "- A connection that the server keeps as long as the client does (by default 5 s and 25 s): 6.5 s before (n = 5),",
    "  5.9 s after (n = 6). It stays, but that was not it. The server once stood still for 60 s then, which is mended",
    "  since (decision 0094).",
    "- Progress told by a thread of its own: 9.4 s (n = 3, on a busier machine), so that was not it either. It stays,",
    "  since a server that is away now holds no training up.",
    "- Kills 0 to 9 and 50 to 59 were made under Prefect's server as it comes, 90 to 99 under the mend of decision",
    "  0094, the others under its first form, where garbage lived for up to a minute. Two tens were made twice: under",
    "  the server as it comes, a cycle whose server stood still four times had not ended within the five minutes that",
    "  it is given; so had one under the first form. `database is locked` was logged 983 times in 45 kills under the",
    "  first form, and 12 times in ten under what stands.",
    "- Tasks without a tag for the project: what stands above. Before each task with a tag, Prefect's client asks for",
    "  a limit of the tag. What is left of the waiting is the start of a subflow.",
    "- One start of `fsl up` took 34.6 s, 21 of them the store's: a read that comes before its volumes are known is",
    "  tried again inside the store for up to 20 s. It is now given up after 1.5 s and asked anew; the row is older.",
)

Rows = list[tuple[str, str, str]]  # what, measured, aim


def section(cells: dict[str, Facts], missing: Sequence[str] = ()) -> str:
    """Return the section of docs/benchmarks.md, of the cells that there are; it names those that are missing."""
    kills = _together([cells[name] for name in sorted(cells) if name.startswith("kills")])
    tables = {
        "overhead": _overhead_rows,
        "arrival": _arrival_rows,
        "up": _up_rows,
        "starts": _starts_rows,
        "projects": _projects_rows,
        "kills": _kills_rows,
        "outages": _outages_rows,
    }
    every = cells | ({"kills": kills} if kills else {})
    rows = [row for name, rows_of in tables.items() if name in every for row in rows_of(every[name])]
    table = [f"| {what} | {found} | {aim} |" for what, found, aim in rows]
    words = "Seconds are the median, the lowest and the highest. Training is that of an encoder of two thin layers."
    head = [
        "## Orchestration",
        "",
        "`python -m bench orchestration`",
        "",
        f"{words} Machine: {next((cell['machine'] for cell in cells.values() if 'machine' in cell), machine())}.",
    ]
    faults = [f"{where}: {'; '.join(words)}" for where, words in kills["faults"].items()] if kills else []
    left = [f"Not measured yet: {', '.join(missing)}.", ""] if missing else []
    return "\n".join([*head, "", "| what | measured | aim |", "|---|---|---|", *table, "", *faults, *left, *NOTES, ""])


def _overhead_rows(cell: Facts) -> Rows:
    seconds = cell["seconds"]
    more = [flow - bare for flow, bare in zip(seconds["cycle"], seconds["bare"], strict=True)]
    return [
        ("whole cycle by library calls", _spread(seconds["bare"]), ""),
        ("the same as a flow under a warm server", _spread(seconds["cycle"]), ""),
        ("what the flow costs, pair by pair", _spread(more), "under 5 s"),
    ]


def _arrival_rows(cell: Facts) -> Rows:
    seconds = cell["seconds"]
    return [
        ("file dropped to run started, by watcher", _spread(seconds["watcher"]), "under 15 s"),
        ("file dropped to run started, by event", _spread(seconds["event"]), "under 6 s"),
    ]


def _up_rows(cell: Facts) -> Rows:
    back = ", ".join(f"{part} {seconds:.0f} s" for part, seconds in cell["back"].items())
    return [
        ("`fsl up` to all healthy, the first time (Prefect makes its database)", _spread(cell["first"]), ""),
        ("`fsl up` to all healthy, after the first time", _spread(cell["later"]), "under 30 s"),
        ("each part of `fsl up` killed in turn: until all is healthy again", back, "restarted"),
        ("processes left after Ctrl-C", str(cell["left"]), "0"),
    ]


def _starts_rows(cell: Facts) -> Rows:
    return [
        ("one batch announced 10 times at once", f"taken in {sum(cell['batches'])} time(s)", "once"),
        ("one retrain started 10 times at once", _counts(cell["retrains"]), "one verdict"),
    ]


def _projects_rows(cell: Facts) -> Rows:
    found = (
        f"{cell['done']} done in {cell['seconds']:.0f} s, none overtaken by more than {cell['overtaken']} that came "
        f"later; {cell['first_mb']:.0f} MB after the first, {cell['last_mb']:.0f} MB after the last, "
        f"{cell['peak_mb']:.0f} MB at most"
    )
    return [
        (f"{cell['n']} projects with a drop each, one worker", found, "all done, fair order, memory bounded"),
    ]


def _kills_rows(cell: Facts) -> Rows:
    what = f"worker killed {cell['n']} times at moments of chance, each cycle started again"
    return [(what, f"{cell['n'] - len(cell['faults'])} ended right ({_counts(cell['places'])})", "all")]


def _outages_rows(cell: Facts) -> Rows:
    seconds = f"{cell['seconds']:.0f} s in the middle of a cycle"
    return [(f"{name} for {seconds}", _outage(found), "ended right") for name, found in cell["found"].items()]


def _outage(found: Facts) -> str:
    how = "the run went on and ended right" if found["ended_itself"] else "the run failed, and the next ended right"
    return "; ".join(found["faults"]) or how


def _together(parts: list[Facts]) -> Facts:
    """Return the cells of kills as one; nothing where there is none."""
    if not parts:
        return {}
    places: Counter[str] = Counter()
    for part in parts:
        places.update(part["places"])
    faults = {where: words for part in parts for where, words in part["faults"].items()}
    return {**parts[0], "n": sum(part["n"] for part in parts), "faults": faults, "places": dict(places)}


def _spread(values: list[float]) -> str:
    found = sorted(values)
    return f"{statistics.median(found):.1f} s ({found[0]:.1f} to {found[-1]:.1f}, n = {len(found)})"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{n} {what}" for what, n in sorted(counts.items(), key=lambda one: -one[1]))
