"""An explanation on a page: the text with the words that carried its answer marked, and the nearest training rows."""

from collections.abc import Iterator

from fsl.evaluation.report.shown import MAX_TEXT_CHARS
from fsl.explaining.record import Explanation, WordWeight
from fsl.pages.markup import Markup, isolate, tag
from fsl.pages.words import percent, points

SPEAKS = 0.02  # of probability: words that move it less are left plain
SPEAKS_LOUDLY = 0.15
_N_NEIGHBOURS = 3
MEANING = "Each word was left out in turn. Without a green word the answer is less sure, without a red one surer."


def build_explanation(explanation: Explanation, *, truth: str = "") -> Markup:
    """Return one explained text; green words speak for the answer, red ones against it."""
    instead = tag("span", " instead of ", isolate(truth), class_="soft") if truth else Markup()
    neighbours = tag(
        "ul",
        *(
            tag("li", isolate(one.text), tag("span", f" · {one.target}, cosine {one.similarity:.2f}", class_="soft"))
            for one in explanation.neighbours[:_N_NEIGHBOURS]
        ),
    )
    return tag(
        "div",
        tag("p", *_marked(explanation), class_="carried", dir="auto"),
        tag("p", tag("b", isolate(explanation.answer)), f", {percent(explanation.confidence)} sure", instead),
        tag("p", "Nearest training rows:", class_="soft"),
        neighbours,
        class_="why",
    )


def _marked(explanation: Explanation) -> Iterator[str]:
    text, shown_to = explanation.text[:MAX_TEXT_CHARS], 0
    for word in explanation.words:
        if word.end > len(text):
            break
        yield text[shown_to : word.start]
        yield _mark(text, word)
        shown_to = word.end
    yield text[shown_to:] + ("…" if len(explanation.text) > len(text) else "")


def _mark(text: str, word: WordWeight) -> str:
    shown = text[word.start : word.end]
    if not abs(word.weight) >= SPEAKS:  # so that a NaN stays plain too
        return shown
    kind = "for" if word.weight > 0 else "against"
    strength = " strong" if abs(word.weight) >= SPEAKS_LOUDLY else ""
    return tag("mark", shown, class_=f"{kind}{strength}", title=points(word.weight))
