"""Pages that show rows to be forgotten: the rows are cut out of their tables, and the rest of the page stays.

Our pages are written by `fsl.pages.markup`, so a row of a table is one `<tr>` and a text is one run of characters.
Where a text stands outside a table, the whole page gives way to a notice.
"""

import re
from collections.abc import Iterator
from functools import partial
from html.parser import HTMLParser

from fsl.data.forgetting.findings import Finding, Place, Search, digest_of
from fsl.pages.markup import page, tag
from fsl.store import layout

_ROW = re.compile(r"<tr>(?:(?!<tr>).)*?</tr>", re.DOTALL)
_CUT = '<tr><td colspan="99">a row that was asked to be forgotten</td></tr>'


def look_at_page(search: Search, key: str, place: str) -> Iterator[Finding]:
    """Look at a page. One that lies under its digest gets another name; the others keep theirs."""
    data = search.store.find(key) if key.endswith(".html") else None
    written = (data or b"").decode("utf-8", "replace")
    if data is None or not _shows(written, search):
        return
    found: list[str] = []

    def cut(match: re.Match[str]) -> str:
        if not _shows(match[0], search):
            return match[0]
        found.append(match[0])
        return _CUT

    rest = _ROW.sub(cut, written)
    if _shows(rest, search):
        rest = page("Removed", tag("p", "This page showed a row that was asked to be forgotten, and was removed."))
    content = rest.encode("utf-8")
    becomes = layout.validation_page(digest_of(content)) if place == VALIDATION else key
    yield Finding(place, key, digest_of(data), max(1, len(found)), becomes, content)


VALIDATION = "validation pages"
VALIDATION_PAGES = Place(VALIDATION, layout.REPORTS, partial(look_at_page, place=VALIDATION))
RUN_PAGES = Place("run pages", layout.RUN_PAGES, partial(look_at_page, place="run pages"))


def _shows(written: str, search: Search) -> bool:
    texts = _Texts()
    texts.feed(written)
    texts.close()
    return any(search.marks.has_shown(text) for text in texts.found if text.strip())


class _Texts(HTMLParser):
    """The runs of characters of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        self.found.append(data)
