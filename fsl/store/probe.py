"""Does this store honour create-only writes? Everything that must not be lost rests on the answer, so it is tried.

Some stores answer 200 to a conditional write and overwrite. No list of good stores can be trusted for long
(releases differ), so the store itself is asked, in the bucket that will be used: one that keeps versions is tried as
such. A good answer holds for a day, for that address, bucket and lock, as long as the server calls itself the same.
"""

import hashlib
import json
import logging
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fsl.config import StoreConfig
from fsl.store.cache import write_whole
from fsl.store.errors import NotSupported, UnsafeStore
from fsl.store.objects import ObjectStore

log = logging.getLogger(__name__)

N_RACERS = 4
N_ROUNDS = 2
VALID_FOR = timedelta(days=1)  # a store may be updated under us


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """Whether create-only writes hold, and what was seen."""

    honoured: bool
    detail: str
    keeps_versions: bool = False  # the bucket does


def probe_create_only(store: ObjectStore) -> ProbeResult:
    """Try create-only writes one after the other, in parallel and after a removal, under a prefix that is erased.

    A store that was opened with a lock file is tried with it.
    """
    area = f".probe/{uuid.uuid4().hex}/"
    keeps_versions = False
    try:
        wrong = _find_wrong(store.within(area))
    except NotSupported as error:
        wrong = error.reason
    finally:
        keeps_versions = store.erase(area)
    right = f"a late write and {N_ROUNDS} races of {N_RACERS} writers had one winner each"
    result = ProbeResult(wrong is None, wrong or right, keeps_versions)
    log.info("create-only writes at %s: honoured %s; %s", store.where(), result.honoured, result.detail)
    return result


def ensure_safe(
    store: ObjectStore, config: StoreConfig, *, cache: Path | None = None, now: datetime | None = None
) -> None:
    """Raise UnsafeStore unless create-only writes hold, or the config promises a single writer.

    Args:
        cache: folder in which a good answer is kept for a day.
    """
    if config.single_writer:
        log.warning("%s is not probed: the config promises a single writer", store.where())
        return
    now = now or datetime.now(UTC)
    kept = _cache_path(store, cache) if cache else None
    if kept and _is_fresh(kept, store, now):
        return
    result = probe_create_only(store)
    if not result.honoured:
        raise UnsafeStore(store.where(), result.detail)
    if kept:
        facts = asdict(result) | {"when": now.isoformat(), "server": store.server_name()}
        write_whole(kept, json.dumps(facts).encode())


def _find_wrong(area: ObjectStore) -> str | None:
    """Return what is wrong, in words, or None."""
    if not area.create("late", b"first"):
        return "a first write was refused"
    if area.create("late", b"second") or area.find("late") != b"first":
        return "a second write went over the first"
    area.delete("late")
    # In a bucket that keeps versions, a delete marker stands there now.
    if not area.create("late", b"third") or area.find("late") != b"third":
        return "a write where an object had been removed was refused"
    return next(filter(None, (_find_wrong_in_race(area, f"race-{number}") for number in range(N_ROUNDS))), None)


def _find_wrong_in_race(area: ObjectStore, key: str) -> str | None:
    with ThreadPoolExecutor(N_RACERS) as pool:
        won = list(pool.map(lambda racer: area.create(key, b"%d" % racer), range(N_RACERS)))
    if won.count(True) != 1 or area.find(key) != b"%d" % won.index(True):
        return f"of {N_RACERS} writers at once, {won.count(True)} were told that they had won"
    return None


def _cache_path(store: ObjectStore, cache: Path) -> Path:
    asked = hashlib.sha256(f"{store.endpoint_url}/{store.bucket} {store.lock_file}".encode()).hexdigest()[:16]
    return cache / "probes" / f"{asked}.json"


def _is_fresh(path: Path, store: ObjectStore, now: datetime) -> bool:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        age = now - datetime.fromisoformat(facts["when"])
        good = facts["honoured"] is True and timedelta(0) <= age < VALID_FOR
        # Asked last: it is the one request that a kept answer costs.
        return good and facts["server"] == store.server_name()
    except (OSError, ValueError, KeyError, TypeError):
        return False
