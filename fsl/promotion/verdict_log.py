"""The verdicts of a project, on record: how often a champion's judge rows were asked is read off here.

Every verdict is one create-only object under the champion that it is about, numbered from 1. A verdict holds only once
it stands on record: of two runs that judge at the same moment one takes the place, and the other judges again with what
is left of alpha. Nothing is counted anywhere else. What a place is worth is `fsl.evaluation.comparison.spending`'s.
"""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from pydantic import JsonValue

from fsl.config import GateConfig
from fsl.evaluation.comparison.spending import JudgeUse, PastTest, compute_use
from fsl.evaluation.ruling.verdict import Verdict
from fsl.store import documents, layout
from fsl.store.objects import ObjectStore

log = logging.getLogger(__name__)

SCHEMA = 1
N_READERS = 8


class _VerdictDocument(documents.Document):
    challenger: str
    asked: bool
    verdict: dict[str, JsonValue]


def judge_on_record(
    store: ObjectStore, champion: str | None, challenger: str, gate: GateConfig, judge: Callable[[JudgeUse], Verdict]
) -> Verdict:
    """Judge with what is left of alpha, and put the verdict on record.

    A challenger that this champion met before keeps its place: judging it again spends nothing and adds no record.

    Args:
        judge: reaches the verdict for a place in the series.

    Raises:
        DamagedObject: a verdict on record cannot be read, so what was spent is not known.
    """
    while True:
        past = read_tests(store, champion)
        use = compute_use(
            past,
            challenger,
            gate.alpha,
            half_after=gate.alpha_half_spent_after,
            n_verdicts=len(_sequence(store, layout.VERDICTS)),
        )
        verdict = judge(use)
        if any(one.challenger == challenger for one in past):
            return verdict
        seq = max((one.seq for one in past), default=0) + 1
        if store.create(layout.verdict(champion, seq), _write(verdict)):
            log.info("verdict %d on a challenger of %s: alpha %.4g of %.4g", seq, champion, use.alpha, use.alpha_total)
            return verdict
        log.info("another run took verdict %d on a challenger of %s; judging again", seq, champion)


def read_tests(store: ObjectStore, champion: str | None) -> tuple[PastTest, ...]:
    """Return what is on record against a champion, or against no champion, oldest first. Raises DamagedObject."""
    seqs = _sequence(store, layout.verdicts(champion))
    with ThreadPoolExecutor(N_READERS) as pool:
        return tuple(pool.map(lambda seq: _read(store, champion, seq), sorted(seqs)))


def _read(store: ObjectStore, champion: str | None, seq: int) -> PastTest:
    key = layout.verdict(champion, seq)
    found = documents.parse(_VerdictDocument, store.get(key), store.where(key), schema_key="schema", schema=SCHEMA)
    return PastTest(seq, found.challenger, found.asked)


def _write(verdict: Verdict) -> bytes:
    # Equal answers are never promoted, whatever alpha is; every other comparison could have been.
    asked = verdict.comparison is not None and not verdict.answers_alike
    document = {"schema": SCHEMA, "challenger": verdict.challenger, "asked": asked, "verdict": verdict.to_json()}
    return documents.to_bytes(document)


def _sequence(store: ObjectStore, prefix: str) -> list[int]:
    numbered = (layout.sequence_of(info.key) for info in store.list(prefix))
    return [seq for seq in numbered if seq is not None]
