"""The history of all batches, as each of them now is: what was taken out since it was committed does not count."""

from fsl.data.batches import BatchRecord, read_commits
from fsl.data.tombstones import as_it_now_is, read_tombstones
from fsl.store.objects import ObjectStore


def read_history(store: ObjectStore, known: tuple[BatchRecord, ...] = ()) -> tuple[BatchRecord, ...]:
    """Return all records as they now are, in order. Those in `known` are not read again."""
    # Batches come first: what is committed meanwhile is not in the list, and is read when it is asked for again.
    news = read_commits(store, len(known))
    tombstones = read_tombstones(store)
    return (*known, *(as_it_now_is(record, tombstones) for record in news))
