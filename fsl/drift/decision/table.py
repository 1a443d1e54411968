"""The decision table: from the signs of a window to an action, and what that action means today."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fsl.config.drift import Advice, DriftRuleConfig, Sign

# What each action does: the first three start the same retrain, since its candidates compete whatever was asked for.
MEANINGS: dict[Advice, str] = {
    "none": "nothing to do",
    "watch": "nothing is started; look at the next windows",
    "recalibrate": "a person: label some audit rows, then `fsl retrain`, which sets the temperature anew",
    "refit-head": "a retrain is started; a head refitted to the new labels is expected to win it",
    "adapter": "a retrain is started; a student adapted to the new texts is expected to win it",
    "redistil": "a retrain is started; if it is rejected, a person adds texts of the new kind to the pool",
    "ask-labels": "a person labels the listed rows: `fsl drift ask --to FILE WINDOW`, then `fsl ingest FILE`",
    "tell-person": "a person looks at it: no retrain would mend it",
    "retrain": "a retrain is started",
}
STARTS_RETRAIN: frozenset[Advice] = frozenset({"retrain", "refit-head", "adapter", "redistil"})
SIGNS: dict[Sign, str] = {
    "damaged": "many rows of the log cannot be used",
    "changed": "something changed",
    "texts-changed": "the texts behind the answers changed",
    "answers-changed": "the mix of answers changed",
    "confidence-changed": "it is less, or more, sure than before",
    "confidence-alone": "it is less, or more, sure of texts like those before",
    "script-changed": "texts are written in another script",
    "surge": "one label surged",
    "new-topic": "unsure texts are not the ones they were: a new topic",
    "harmful": "estimated accuracy has fallen",
    "harmless": "estimated accuracy has not fallen",
    "harm-unknown": "what it does to accuracy is not known",
    "meaning-changed": "labels changed their meaning",
    "labels-waiting": "labelled rows have come in since the champion was trained",
}


@dataclass(frozen=True, slots=True)
class Chosen:
    """The line of the table that decided."""

    action: Advice
    because: tuple[str, ...]


def choose_action(signs: Iterable[Sign], table: Sequence[DriftRuleConfig]) -> Chosen:
    """Return the first line whose signs are all there; where none fits, nothing is done."""
    there = frozenset(signs)
    for rule in table:
        if there.issuperset(rule.when):
            return Chosen(rule.action, tuple(SIGNS[sign] for sign in rule.when) or ("the last line always holds",))
    return Chosen("none", ("no line of `drift.decisions` fits",))
