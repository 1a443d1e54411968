"""HTML safe by construction: text stays text, deceiving characters are spelt, and a page needs nothing but itself."""

import base64
import hashlib
import re

import pytest

from fsl.pages.markup import Markup, escape, isolate, join, page, tag, visible
from fsl.pages.style import STYLE


def test_text_is_escaped_once_and_markup_is_not() -> None:
    assert tag("p", "1 < 2 & \"3\" '4'") == "<p>1 &lt; 2 &amp; &quot;3&quot; &#x27;4&#x27;</p>"
    assert tag("p", tag("b", "<i>")) == "<p><b>&lt;i&gt;</b></p>"
    assert join(["<", Markup("<br>")]) == "&lt;<br>"
    assert escape(escape("&")) == "&amp;"


def test_an_attributes_value_cannot_leave_its_quotes() -> None:
    assert tag("td", class_='" onclick="x') == '<td class="&quot; onclick=&quot;x"></td>'
    assert tag("svg", aria_label="a", width=1 / 3) == '<svg aria-label="a" width="0.333333"></svg>'


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("safe\u202egpj.exe", "safe\\u202egpj.exe"),
        ("\u2066a\u2069 \u200e\u200f\u061c", "\\u2066a\\u2069 \\u200e\\u200f\\u061c"),
        ("\u200b \ufeff \u00ad \u2028\u2029", "\\u200b \\ufeff \\u00ad \\u2028\\u2029"),
        ("\0 \x1b[31m \x85 \r\n", "\\u0000 \\u001b[31m \\u0085 \\u000d\n"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_cannot_be_seen_or_turns_its_surroundings_is_spelt(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert tag("p", text) == f"<p>{shown}</p>"


@pytest.mark.parametrize("text", ["我的订单 أين", "👩\u200d💻", "می\u200cخواهم", "two\nlines\tand a tab", "a\u00a0b"])
def test_what_belongs_to_a_text_stays(text: str) -> None:
    assert visible(text) == text


def test_an_isolated_text_keeps_its_direction_to_itself() -> None:
    assert isolate("أين <b>") == '<bdi dir="auto">أين &lt;b&gt;</bdi>'
    assert isolate("") == ""


def test_a_page_allows_its_own_style_and_nothing_else() -> None:
    html = page("<Title>\u202e", tag("p", "words"))

    (style,) = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"content=\"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'\"" in html
    assert "<title>&lt;Title&gt;\\u202e</title>" in html
    assert html.endswith("<body><main><p>words</p></main></body></html>\n")


def test_the_look_follows_the_readers_system_and_loads_nothing() -> None:
    assert "prefers-color-scheme: dark" in STYLE
    assert not re.search(r"https?:|url\(|@import|[<>]/", STYLE)
    assert set(re.findall(r"var\((--[a-z-]+)\)", STYLE)) == set(re.findall(r"(--[a-z-]+):", STYLE))
