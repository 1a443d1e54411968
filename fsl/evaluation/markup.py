"""HTML that is safe by construction: text is escaped unless it is already `Markup`, and nothing outside is loaded.

The policy allows the page's own style sheet, named by its digest, and nothing else: no script, no picture, no
connection. So a hostile text stays text even where an escape were forgotten.
"""

import base64
import hashlib
import html
import unicodedata
from collections.abc import Iterable

# Marks that turn the direction of the text around them can make a page say something else than its source.
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_VOID = frozenset({"meta", "link", "br"})  # drawings must close every element


class Markup(str):
    """HTML that needs no escaping any more."""

    __slots__ = ()


def visible(text: str) -> str:
    """Return text without characters that cannot be shown: control and escape codes, turning marks, half letters."""
    return "".join(
        " "
        if char in "\n\r\t"
        else "\ufffd"
        if char in _TURNING or unicodedata.category(char) in {"Cc", "Cs"}
        else char
        for char in text
    )


def escape(text: str) -> Markup:
    return text if isinstance(text, Markup) else Markup(html.escape(visible(text), quote=True))


def join(parts: Iterable[str]) -> Markup:
    return Markup("".join(escape(part) for part in parts))


def tag(element: str, /, *children: str, **attributes: str | float) -> Markup:
    """Return an element. An attribute's underscores stand for hyphens, and `class_` for class."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_number(value))}"' for key, value in attributes.items()
    )
    if element in _VOID:
        return Markup(f"<{element}{written}>")
    return Markup(f"<{element}{written}>{join(children)}</{element}>")


def page(title: str, style: str, *body: str) -> str:
    """Return a whole page that needs nothing but itself."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        Markup(f"<style>{style}</style>"),
    )
    return f"<!doctype html>\n{tag('html', head, tag('body', *body), lang='en')}\n"


def _number(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.6g}"
