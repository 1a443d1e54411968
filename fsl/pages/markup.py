"""HTML that is safe by construction: text is escaped unless it is already `Markup`, and nothing outside is loaded.

The policy allows our style sheet, named by its digest, and nothing else: no script, no picture, no connection. So a
hostile text stays text even where an escape were forgotten.
"""

import base64
import hashlib
import html
import unicodedata
from collections.abc import Iterable

from fsl.pages.style import STYLE

# Joiners hold emoji and some scripts together; the other invisible characters can only deceive.
_WELCOME = frozenset("\n\t\u200c\u200d")
# Control codes, formats (which turn the direction of what follows, or hide), half letters, breaks of line and paragraph
_DECEIVING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_VOID = frozenset({"meta", "link", "br"})  # drawings must close every element


class Markup(str):
    """HTML that needs no escaping any more."""

    __slots__ = ()


def visible(text: str) -> str:
    """Return text in which what cannot be seen, or turns the direction of its surroundings, is spelt: `\\u202e`."""
    return text if text.isprintable() else "".join(map(_visible_char, text))


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


def isolate(text: str) -> Markup:
    """Return text that stands among other words in one line and keeps its direction to itself."""
    return tag("bdi", text, dir="auto") if text else Markup()


def page(title: str, *body: str) -> str:
    """Return a whole page that needs nothing but itself."""
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        Markup(f"<style>{STYLE}</style>"),
    )
    return f"<!doctype html>\n{tag('html', head, tag('body', tag('main', *body)), lang='en')}\n"


def _visible_char(char: str) -> str:
    is_shown = char in _WELCOME or unicodedata.category(char) not in _DECEIVING
    return char if is_shown else f"\\u{ord(char):04x}"


def _number(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.6g}"
