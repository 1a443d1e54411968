"""Many small files that wait together come in as one batch: read, validated, stored and committed once.

Each file keeps what it has alone: its bytes claim the batch, its rows are named by it and its lines, its faults stop
it and no other. Files that are stopped are taken out and the others looked at anew, so what is committed never saw
them. A kill leaves the group as it was; of two writers with files in common one commits them, and the other goes on
with the rest. Why this is so is told in `docs/decisions/0093-small-files-together.md`.
"""

import hashlib
import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from fsl.config import RunConfig
from fsl.data.batches import BatchRecord, Source
from fsl.data.checking.opening import Fetched
from fsl.data.checking.staging import stage_together
from fsl.data.checking.validation import Validator
from fsl.data.committing import Job, Stopped, commit
from fsl.data.errors import FileTooLarge, SourceChanged
from fsl.data.intake import ingest_object, list_pending, load_suite, note_seen
from fsl.data.past import Past
from fsl.data.preparing import open_preparation, settle
from fsl.data.reading.files import format_of
from fsl.data.splits import load_split_key
from fsl.errors import FslError
from fsl.problems import find_problem
from fsl.store import layout
from fsl.store.errors import DamagedObject
from fsl.store.objects import ObjectStore

log = logging.getLogger(__name__)

SMALL_BYTES = 64_000
MIN_FILES = 10  # fewer are a batch each, since people know a few files by their names
MAX_FILES = 500  # bounds a record, a page, and what is done again after a kill
MAX_BYTES = 8_000_000
MAX_PLAIN_MB = 1  # of one file once decompressed: each is read whole
MAX_ROUNDS = 5  # files that are still there then come in one by one


@dataclass(frozen=True)
class TakenIn:
    """What became of each file, by its key."""

    batches: Mapping[str, BatchRecord]  # those that they became, or already are
    faults: Mapping[str, FslError]  # why the others stay in the inbox
    new: tuple[int, ...]  # numbers of the batches that were committed here


def pending_groups(store: ObjectStore) -> tuple[tuple[str, ...], ...]:
    """Return the keys of the inbox whose bytes no batch has claimed: small files in groups, others one by one."""
    pending = list_pending(store)
    small = [info for info in pending if info.size <= SMALL_BYTES]
    if len(small) < MIN_FILES:
        return tuple((info.key,) for info in pending)
    groups, n_bytes = [list[str]()], 0
    for info in small:
        n_bytes += info.size
        if len(groups[-1]) == MAX_FILES or n_bytes > MAX_BYTES:
            groups, n_bytes = [*groups, []], info.size
        groups[-1].append(info.key)
    alone = ((info.key,) for info in pending if info.size > SMALL_BYTES)
    return (*map(tuple, groups), *alone)


def ingest_together(
    store: ObjectStore, config: RunConfig, keys: Sequence[str], *, now: datetime, past: Past | None = None
) -> TakenIn:
    """Take small objects of the inbox in as one batch. What a file has against it is returned, not raised.

    Args:
        past: as for `ingest_object`.

    Raises:
        NumberContended, StoreError: trying again can help. Files that are not in a batch are as they were.
    """
    group = _Group(store, config, load_split_key(store, config.project), now, past or Past())
    with TemporaryDirectory(prefix="fsl-ingest-") as folder:
        group.fetch(keys, Path(folder))
        for _ in range(MAX_ROUNDS):
            if len(group.left) < 2:
                break
            group.attempt(Path(folder))
    group.take_alone()
    return group.finish()


@dataclass
class _Group:
    """The files on their way. Those with the same bytes go as one."""

    store: ObjectStore
    config: RunConfig
    split_key: bytes
    now: datetime
    past: Past
    left: dict[str, Source] = field(default_factory=dict)  # by digest: not in a batch yet, and nothing against them
    _paths: dict[str, Path] = field(default_factory=dict)
    _copies: dict[str, Source] = field(default_factory=dict)  # by key
    _alone: list[str] = field(default_factory=list)  # keys of files that turned out not to be small
    _batches: dict[str, BatchRecord] = field(default_factory=dict)  # by digest, as the next
    _faults: dict[str, FslError] = field(default_factory=dict)
    _new: list[int] = field(default_factory=list)
    _unread: dict[str, FslError] = field(default_factory=dict)  # by key

    def fetch(self, keys: Iterable[str], folder: Path) -> None:
        """Bring the files here, each in one request, so that nobody can replace one while it is read."""
        self.past.refresh(self.store)
        names = _names(keys)
        for index, key in enumerate(keys):
            try:
                format_of(names[key])
                info, data = self.store.fetch(key, max_bytes=SMALL_BYTES)
            except DamagedObject:  # it has grown since it was listed
                self._alone.append(key)
                continue
            except FslError as error:
                if error.retryable:
                    raise
                self._unread[key] = error
                continue
            digest = hashlib.sha256(data).hexdigest()
            self._copies[key] = source = Source(key, names[key], digest, info.size, info.etag)
            claim = self.past.claim_of(digest)
            if claim is not None:
                self._batches[digest] = claim
            elif digest not in self.left:
                self.left[digest], self._paths[digest] = source, folder / f"{index}"
                self._paths[digest].write_bytes(data)

    def attempt(self, folder: Path) -> None:
        """Take in all that are left; or find out which cannot come in."""
        store, data = self.store, self.config.data
        small = data.model_copy(update={"max_file_mb": min(data.max_file_mb, MAX_PLAIN_MB)})
        problem, validator = find_problem(self.config.problem.kind), Validator.open()
        suite = load_suite(store, self.config)
        preparation = open_preparation(store, data, self.split_key)
        files = [Fetched(self._paths[digest], source.name, digest) for digest, source in self.left.items()]
        config = self.config.model_copy(update={"data": small})
        staged, faults = stage_together(files, config, problem, validator, folder, self.now, suite, preparation)
        for digest, error in faults.items():
            if isinstance(error, FileTooLarge):
                self._alone.append(self.left.pop(digest).key)
            else:
                self._stop(digest, error)
        if len(self.left) < 2:
            return
        for source, file in zip(tuple(self.left.values()), staged.files, strict=True):
            facts = {name: getattr(file.facts, name) for name in ("format", "encoding", "delimiter")}
            self.left[source.sha256] = replace(source, **facts)
        sources = tuple(self.left.values())
        job = Job(
            *(store, self.config, problem, validator, _name_all(sources), sources, staged, self.split_key, folder),
            *(self.now, preparation, self.past),
        )
        outcome = commit(job)
        if isinstance(outcome, Stopped):
            for digest, error in outcome.faults.items():
                self._stop(digest, error)
            self._batches |= outcome.claimed
            for digest in outcome.claimed:
                del self.left[digest]
            return
        self._new.append(outcome.seq)
        settle(store, self.config, outcome)
        self._batches |= dict.fromkeys(self.left, outcome)
        self.left.clear()

    def take_alone(self) -> None:
        """Take the others in one by one."""
        for key in (*self._alone, *(source.key for source in self.left.values())):
            digest = self._digest_of(key)
            self.past.refresh(self.store)
            n_before = self.past.n
            try:
                record = ingest_object(self.store, self.config, key, now=self.now, past=self.past)
            except FslError as error:
                if error.retryable and not isinstance(error, SourceChanged):
                    raise
                self._faults[digest] = error
            else:
                self._batches[digest] = record
                self._new += [record.seq] if record.seq > n_before else []
        self.left.clear()

    def finish(self) -> TakenIn:
        """Return what became of each file; remember uploads of bytes that are a batch under another upload's mark."""
        batches: dict[str, BatchRecord] = {}
        faults = dict(self._unread)
        for key in dict.fromkeys((*self._copies, *self._alone)):
            digest = self._digest_of(key)
            if digest in self._faults:
                faults[key] = self._faults[digest]
            else:
                batches[key] = self._batches[digest]
                if key in self._copies:
                    note_seen(self.store, self._copies[key], batches[key])
        return TakenIn(batches, faults, tuple(self._new))

    def _digest_of(self, key: str) -> str:
        return self._copies[key].sha256 if key in self._copies else key  # one that was not read stands for itself

    def _stop(self, digest: str, error: FslError) -> None:
        log.info("%s stays in the inbox: %s", self.left.pop(digest).name, error)
        self._faults[digest] = error


def _names(keys: Iterable[str]) -> dict[str, str]:
    """Return what each file is called: as it was dropped, or as it lies in the inbox where that could mean another."""
    whole = {key: key.removeprefix(layout.INBOX) for key in keys}
    short = {key: layout.dropped_name(key) for key in keys}
    taken = Counter([*whole.values(), *(name for key, name in short.items() if name != whole[key])])
    return {key: name if taken[name] == 1 else whole[key] for key, name in short.items()}


def _name_all(sources: Sequence[Source]) -> Source:
    """Return what stands for all files of a batch."""
    digest = hashlib.sha256("".join(source.sha256 for source in sources).encode()).hexdigest()
    names = sorted(source.name for source in sources)  # they lie in the inbox by their digests, which nobody knows
    name = f"{len(sources)} files, {names[0]} to {names[-1]}"
    return Source(layout.INBOX, name, digest, sum(source.size for source in sources), "")
