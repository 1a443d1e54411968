"""The head of a drift page in our own words: what was decided, why, and over which rows. It holds no served text."""

from fsl.drift.decision.decision import Decision
from fsl.pages.markup import Markup, tag
from fsl.pages.words import n_of, sentence

_TITLES = {
    "none": "Nothing to do",
    "watch": "Watch",
    "retrain": "Retrain",
    "recalibrate": "Recalibrate",
    "refit-head": "Refit the head",
    "adapter": "Adapt to the new texts",
    "redistil": "Distil anew",
    "ask-labels": "Label some rows",
    "tell-person": "Have a look",
}
_QUIET, _CAREFUL, _LOUD = "#17754a", "#8a5a00", "#b3261e"
_COLOURS = {"none": _QUIET, "watch": _CAREFUL, "recalibrate": _CAREFUL}
_STYLE = """
.fsl { font: 16px/1.55 system-ui, sans-serif; color: #1b1f24; background: #fff; border: 1px solid #dfe3e8;
  border-left: 8px solid COLOUR; border-radius: 12px; max-width: 1240px; margin: 24px auto 8px; padding: 18px 24px; }
.fsl h1 { font-size: 26px; margin: 0 0 4px; } .fsl p, .fsl li { margin: 4px 0; } .fsl .soft { color: #5a6472; }
"""


def build_banner(decision: Decision) -> Markup:
    """Return a section, with its own style, to stand above the pictures."""
    facts = decision.facts
    rows = (
        f"{n_of(facts.n_current, 'row')} served by {facts.version} from {facts.current_from:%Y-%m-%d %H:%M} to "
        f"{facts.current_to:%Y-%m-%d %H:%M %Z}, against its first {n_of(facts.n_reference, 'row')} from "
        f"{facts.reference_from:%Y-%m-%d %H:%M} to {facts.reference_to:%Y-%m-%d %H:%M %Z}"
    )
    shared = f" {sentence(decision.budget.words)}" if decision.budget else ""
    policy = (
        f"{n_of(len(decision.findings), 'test')} of this window share one chance of a false alarm.{shared} "
        "The pictures below show single numbers and decide nothing."
    )
    return tag(
        "section",
        Markup(f"<style>{_STYLE.replace('COLOUR', _COLOURS.get(decision.action, _LOUD))}</style>"),
        tag("h1", _TITLES[decision.action]),
        tag("p", sentence(rows), class_="soft"),
        tag(
            "ul",
            *(tag("li", sentence(words), dir="auto") for words in (*decision.reasons, *decision.mix, *decision.notes)),
        ),
        tag("p", policy, class_="soft"),
        class_="fsl",
    )
