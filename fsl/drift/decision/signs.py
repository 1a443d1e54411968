"""From findings to signs: the few words that a decision table is written in."""

from collections.abc import Sequence
from dataclasses import dataclass

from fsl.config.drift import Sign
from fsl.drift.detectors.findings import Finding, FindingName
from fsl.drift.harm.verdict import Harm

_MAX_UNUSABLE = 0.2  # share of served rows that cannot be used beyond which the log itself is the finding
_LARGE_RISE = 0.15  # of one label's share: a surge, not a mere change of the mix
_OF_TEXTS = {"texts", "telling_apart", "within_answers", "clusters", "vocabulary", "length", "texts_given_answers"}
_OF_CONFIDENCE = {"confidence", "margin", "sureness", "out_of_scope", "out_of_scope_given_answers"}
_FAR_FROM_ALARM = 0.05
_MAX_MISSING = 0.2  # share of rows without a confidence


@dataclass(frozen=True, slots=True)
class Health:
    """What is wrong with the rows themselves."""

    unusable_share: float = 0.0
    missing_confidence: float = 0.0

    @property
    def is_damaged(self) -> bool:
        return self.unusable_share > _MAX_UNUSABLE or self.missing_confidence > _MAX_MISSING


def read_signs(
    findings: Sequence[Finding], harm: Harm | None, health: Health, *, n_waiting: int, min_effect: float
) -> frozenset[Sign]:
    """Return the signs of a window.

    Args:
        n_waiting: labelled rows that came in since the champion was trained.
        min_effect: AUROC from which changed texts are worth an action.
    """
    by_name = {finding.name: finding for finding in findings}
    alarmed = _name_alarms(findings)
    signs: set[Sign] = set()
    if health.is_damaged:
        signs.add("damaged")
    if n_waiting:
        signs.add("labels-waiting")
    if alarmed:
        signs.add("changed")
    behind = alarmed & {"texts_given_answers", "telling_apart_given_answers", "out_of_scope_given_answers"}
    aurocs = [by_name[name].effect for name in ("telling_apart", "telling_apart_given_answers") if name in by_name]
    if behind and max(aurocs, default=0.0) >= min_effect:
        signs.add("texts-changed")
    if "answers" in alarmed:
        signs.add("answers-changed")
    if alarmed & _OF_CONFIDENCE:
        signs.add("confidence-changed")
        if _are_texts_alike(findings):
            signs.add("confidence-alone")
    if "script" in alarmed:
        signs.add("script-changed")
    if "surge" in alarmed and by_name["surge"].effect >= _LARGE_RISE:
        signs.add("surge")
    if "unsure_texts" in alarmed and alarmed & {"out_of_scope", "out_of_scope_given_answers", "confidence"}:
        signs.add("new-topic")
    return frozenset(signs | _signs_of_harm(harm))


def _name_alarms(findings: Sequence[Finding]) -> set[FindingName]:
    """Return what alarmed; where all tests together do and none by itself, the oddest of them stands for them."""
    alarmed = {finding.name for finding in findings if finding.alarmed}
    if alarmed == {"together"}:
        singles = sorted((one for one in findings if one.name != "together"), key=lambda one: one.p_value)
        alarmed |= {one.name for one in singles[:1] if one.p_value <= _FAR_FROM_ALARM}
    return alarmed


def _are_texts_alike(findings: Sequence[Finding]) -> bool:
    """Return whether no test of the texts comes near an alarm; there must have been one."""
    of_texts = [one for one in findings if one.name in _OF_TEXTS]
    return bool(of_texts) and all(one.p_value > _FAR_FROM_ALARM for one in of_texts)


def _signs_of_harm(harm: Harm | None) -> set[Sign]:
    if harm is None:
        return {"harm-unknown"}
    signs: set[Sign] = set()
    if harm.by_meaning == "yes":
        signs.add("meaning-changed")
    if harm.by_texts == "yes":
        signs.add("harmful")
    elif harm.by_texts == "no":
        signs.add("harmless")
    else:
        signs.add("harm-unknown")
    return signs
