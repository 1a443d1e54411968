"""The validation page: all that happened on one page that loads nothing, runs nothing and is fooled by nothing."""

import base64
import hashlib
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest

from fsl.data.batches import BatchRecord
from fsl.store.objects import ObjectStore

Page = Callable[..., str]
HOSTILE = "<script>alert(1)</script><img src=http://evil.test/x onerror=alert(2)>\"'&"


@pytest.fixture
def page(ingest: Callable[..., BatchRecord], store: ObjectStore) -> Page:
    def render(name: str, contents: Any, **config: Any) -> str:
        return store.get(ingest(name, contents, **config).report).decode()

    return render


class _Elements(HTMLParser):
    """Collects what a browser would make of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_the_page_tells_counts_reasons_labels_and_rules(page: Page, sound_rows: Callable[..., Any]) -> None:
    rows = [*sound_rows(), *sound_rows(n=1), {"text": "loose"}, {"text": "pay", "label": "refnd", "agent": 3}]

    words = " ".join(_Elements(page("monday.jsonl", rows)).words)

    assert "14 rows were read." in words
    assert "Unknown or rare label" in words
    assert "label 'refnd' has 1 row, new labels need 2; 'refnd' is close to 'refund'" in words
    assert "duplicate of line 1" in words
    assert "expect_column_value_lengths_to_be_between" in words
    assert "2026-03-01 12:00 UTC" in words
    assert "Not read: agent" in words


def test_hostile_texts_labels_columns_and_names_are_only_ever_words(page: Page, sound_rows: Callable[..., Any]) -> None:
    rows = [
        *sound_rows((HOSTILE[:60], "plain")),
        {"text": HOSTILE, "label": 7, HOSTILE: HOSTILE},
        {"text": "x", "label": HOSTILE},
    ]

    html = page("<b onclick=alert(3)>.jsonl", rows)

    elements = _Elements(html)
    assert not elements.tags & {"script", "img", "iframe", "link", "a", "form"}
    assert not [name for name in elements.attributes if name.startswith("on") or name in ("src", "href", "style")]
    assert HOSTILE in "".join(elements.words)
    assert "onclick=alert(3)" in "".join(elements.words)


def test_nothing_but_the_pages_own_style_is_allowed(page: Page, sound_rows: Callable[..., Any]) -> None:
    html = page("a.jsonl", sound_rows())

    (style,) = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"content=\"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'\"" in html
    assert not re.search(r"https?://|url\(|@import", html)
    assert "prefers-color-scheme: dark" in style


def test_invisible_and_reversing_characters_are_made_visible(page: Page, sound_rows: Callable[..., Any]) -> None:
    html = page("a.jsonl", [*sound_rows(), {"text": "safe\u202egpj\u200b.exe 👩\u200d💻", "label": "أين"}])

    assert '<bdi dir="auto">safe\\u202egpj\\u200b.exe 👩\u200d💻</bdi>' in html
    assert "\u202e" not in html


def test_long_texts_are_cut(page: Page, sound_rows: Callable[..., Any]) -> None:
    html = page("a.jsonl", [*sound_rows(), {"text": "y" * 20_000, "label": "refund"}])

    assert max(len(run) for run in re.findall("y+", html)) == 200
    assert "… 20,000 characters" in html


def test_the_same_file_gives_the_same_page(page: Page, sound_rows: Callable[..., Any], store: ObjectStore) -> None:
    first = page("a.jsonl", sound_rows())
    for info in list(store.list("batches/")):
        store.delete(info.key)

    assert page("a.jsonl", sound_rows()) == first
