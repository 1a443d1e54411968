"""The parts that our pages are made of: cards, badges, lists, tables, bars. Their look is `fsl.pages.style`'s."""

from collections.abc import Iterable, Sequence

from fsl.pages.markup import Markup, isolate, tag
from fsl.pages.words import sentence


def build_card(title: str, *content: str) -> Markup:
    return tag("section", tag("h2", title), *content, class_="card")


def build_badge(words: str, kind: str) -> Markup:
    """Return a few words on a patch of colour: good, bad, wait, accent or plain."""
    return tag("span", isolate(words), class_=f"badge {kind}")


def build_note(words: str) -> Markup:
    return tag("p", isolate(words), class_="soft")


def build_list(items: Iterable[str]) -> Markup:
    return tag("ul", *(tag("li", sentence(item), dir="auto") for item in items))


def build_table(
    head: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "", numbers: Sequence[int] = ()
) -> Markup:
    """Return a table; the first column names its row, and the columns in `numbers` are set to the right."""

    def cell(index: int, value: str) -> Markup:
        if index == 0:
            return tag("th", value, scope="row", dir="auto")
        return tag("td", value, class_="number" if index in numbers else "text", dir="auto")

    titles = (
        tag("th", name, scope="col", class_="number" if index in numbers else "") for index, name in enumerate(head)
    )
    return tag(
        "table",
        tag("caption", caption) if caption else Markup(),
        tag("thead", tag("tr", *titles)),
        tag("tbody", *(tag("tr", *(cell(index, value) for index, value in enumerate(row))) for row in rows)),
    )


def draw_bar(share: float) -> Markup:
    """Return a bar that is filled to a share of 0 to 1; the number itself stands beside it."""
    parts = [
        tag("rect", width=100, height=8, class_="track"),
        tag("rect", width=100 * share, height=8, class_="good"),
    ]
    return _flat("0 0 100 8", parts, "level")


def draw_stack(parts: Sequence[tuple[int, str]]) -> Markup:
    """Return one bar of several parts, each a number and the kind of its colour."""
    total = max(sum(n for n, _ in parts), 1)
    drawn, left = [], 0.0
    for n, kind in parts:
        width = 100 * n / total
        drawn.append(tag("rect", x=left, width=width, height=10, class_=kind))
        left += width
    return _flat("0 0 100 10", drawn, "stack")


def _flat(box: str, parts: Iterable[Markup], css_class: str) -> Markup:
    return tag("svg", *parts, class_=css_class, viewBox=box, preserveAspectRatio="none", aria_hidden="true")
