"""What retrains and claims leave behind, and when it may go. Versions are `fsl.store.cleaning`'s.

Of a retrain the small documents stay, for whoever asks later why a version was promoted: plan, scores and verdict. What
goes are the files of its steps, which the registered version holds anyway, or which a new run would make again.
"""

import logging
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from fsl.project import Project
from fsl.runs.retrain_log import HOUSEKEEPING, KEY, KIND
from fsl.scheduling.claims import Busy, claim
from fsl.store import layout
from fsl.store.objects import ObjectInfo, ObjectStore

log = logging.getLogger(__name__)

KEEP_CLAIMS = timedelta(days=2)  # the budget of a day is read off them


@dataclass(frozen=True, slots=True)
class StepsRemoved:
    """What was removed of old retrains."""

    n_removed: int  # objects
    said: str


def remove_old_steps(project: Project, *, now: datetime, holder: str | None = None) -> StepsRemoved:
    """Remove the files of retrains that are older than `registry.keep_run_days`.

    One that came to no verdict keeps them for `registry.keep_days`, since it may be started again. Nothing is done
    while a retrain runs: it may need what an old one left.
    """
    config, expiry = project.config.registry, timedelta(seconds=project.config.claims.expiry_seconds)
    with claim(project.store, KIND, KEY, expiry=expiry, subject=HOUSEKEEPING, holder=holder) as got:
        if isinstance(got, Busy):
            return StepsRemoved(0, f"nothing was removed: {got}")
        got.outcome = HOUSEKEEPING
        removed = 0
        for key, infos in _runs(project.store).items():
            judged = any("/verdict-against-" in info.key or "/result-after-" in info.key for info in infos)
            days = config.keep_run_days if judged else max(config.keep_run_days, config.keep_days)
            files = [info.key for info in infos if "/models/" in info.key]
            if files and all(now - info.modified > timedelta(days=days) for info in infos):
                got.ensure()
                _remove(project.store, files)
                removed += len(files)
                log.info("the files of retrain %s went: it is over %g days old", key, days)
    return StepsRemoved(removed, f"{removed} files of old retrains were removed")


def prune_claims(store: ObjectStore, *, now: datetime) -> int:
    """Remove old numbers of claims, from the lowest on; the highest of the retrain's claim stays. Returns how many."""
    claims: dict[str, dict[int, list[ObjectInfo]]] = defaultdict(lambda: defaultdict(list))
    for info in store.list(layout.CLAIMS):
        folder, _, name = info.key.rpartition("/")
        if name[:8].isdigit():
            claims[folder][int(name[:8])].append(info)
    n_removed = 0
    for folder, numbers in claims.items():
        old = [number for number, infos in numbers.items() if all(now - info.modified > KEEP_CLAIMS for info in infos)]
        kept = max(numbers) if folder == layout.claims(KIND, KEY).rstrip("/") else None
        for number in sorted(old):
            # A lower number that stays would let its sleeper believe, once the next one is gone, that it holds.
            if number == kept or any(lower not in old for lower in numbers if lower < number):
                break
            for info in sorted(numbers[number], key=lambda info: not info.key.endswith(".json")):
                store.delete(info.key)
                n_removed += 1
    return n_removed


def _runs(store: ObjectStore) -> dict[str, list[ObjectInfo]]:
    runs: dict[str, list[ObjectInfo]] = defaultdict(list)
    for info in store.list(layout.RUNS):
        runs[info.key.split("/")[1]].append(info)
    return runs


def _remove(store: ObjectStore, files: list[str]) -> None:
    # Manifests first: a step without one is not finished, whatever is left of its files.
    for key in sorted(files, key=lambda key: not key.endswith("/manifest.json")):
        store.delete(key)
