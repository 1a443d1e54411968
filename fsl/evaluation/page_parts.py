"""The parts that our pages are made of: cards, lists, tables. Their look is `page_style`'s."""

from collections.abc import Iterable, Sequence

from fsl.evaluation.markup import Markup, tag
from fsl.evaluation.words import sentence


def build_card(title: str, *content: str) -> Markup:
    return tag("section", tag("h2", title), *content, class_="card")


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
