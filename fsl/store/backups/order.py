"""In which order a project is backed up, so that a backup is whole though writers go on, and in which it is restored.

Everything in a project but its config is written once, and what names a thing is written after the thing. So a backup
takes the names first: whatever they name was there before them, does not change, and is found when its turn comes.
What is made meanwhile is left to the next backup, or comes along unnamed. A restore goes the other way round.

| turn | what | names |
|---|---|---|
| 1 | moves of aliases | versions |
| 2 | manifests of versions | blobs, and the run and the snapshot they came from |
| 3 | runs (plans, steps' manifests, verdicts), drift decisions, pages | steps' blobs, snapshots, versions |
| 4 | snapshots | commits, rows, pool files |
| 5 | commits | rows, pool files, quarantine, pages, inbox files |
| 6 | everything else | nothing |

What can vanish meanwhile is what a cleaning removes; `backup` asks for that. Left out are a cleaning's marks
(a restored registry has no cleaning at work) and the probe's sentinels.
"""

from collections.abc import Collection, Iterator

from fsl.store import layout
from fsl.store.objects import ObjectInfo, ObjectStore

PARTS = {"predictions": layout.PREDICTIONS, "inbox": layout.INBOX}  # what a backup may do without
MUTABLE = (layout.CONFIG, layout.LAYOUT)  # everything else is written once
_RUNS = "runs/"
_STEP_BLOBS = f"/{layout.BLOBS}"
_TURNS = (
    (layout.ALIASES,),
    (layout.VERSIONS,),
    (_RUNS, layout.DRIFT, "reports/"),
    ("snapshots/",),
    (layout.COMMITS,),
    ("",),
)
PROBES = ".probe/"  # sentinels of `fsl.store.probe`
_NEVER = (layout.MARKS, PROBES)
N_TURNS = len(_TURNS)


def turn_of(key: str) -> int | None:
    """Return in which turn of a backup an object is copied, or None for one that never is."""
    if key.startswith(_NEVER):
        return None
    if key.startswith(_RUNS) and _STEP_BLOBS in key:
        return N_TURNS - 1
    return next(turn for turn, prefixes in enumerate(_TURNS) if key.startswith(prefixes))


def is_left_out(key: str, without: Collection[str]) -> bool:
    """Return whether an object belongs to a part that this backup does without."""
    return key.startswith(tuple(PARTS[part] for part in without))


def list_turn(store: ObjectStore, turn: int) -> Iterator[ObjectInfo]:
    """Yield what is there now of one turn."""
    for prefix in _TURNS[turn]:
        for info in store.list(prefix):
            if turn_of(info.key) == turn:
                yield info


def restore_rank(key: str) -> int:
    """Return when an object is restored: what is named before what names it, and the project's own name last."""
    last = {layout.CONFIG: N_TURNS, layout.LAYOUT: N_TURNS + 1}
    return last.get(key, N_TURNS - 1 - (turn_of(key) or 0))


def folders_above(key: str, keys: Collection[str]) -> int:
    """Return how many of the keys name a folder that this one lies in.

    SeaweedFS loses one of a file and of what lies in a folder of its name where both are written at the same time
    (4.48; 1 in 100 such pairs from 16 threads), and neither where one is there first.
    """
    ends = (place for place, letter in enumerate(key) if letter == "/")
    return sum(key[:end] in keys for end in ends)
