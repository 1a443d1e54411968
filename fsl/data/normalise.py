"""The normal form of a text: what two texts must share to be the same text to us, whatever their case and commas.

Texts are stored as they came. The normal form only says which rows belong together: duplicates, contradictions,
and rows that must share a split. Its definition may never change, or stored rows would leave their groups.
"""

import hashlib
import re
import unicodedata

# Tab, newline and carriage return are welcome; NUL, the other control codes and halves of surrogate pairs are not.
CONTROL = "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]"
_CONTROL = re.compile(CONTROL)
_HALVES = re.compile("[\ud800-\udfff]")
GROUP_BYTES = 16

# A sign and a decimal point carry meaning: -5% is not 5%, and 1.5 is not 15. Everywhere else they are punctuation.
_LOOSE_MARKS = re.compile(r"(?<!\d)[.,]|[.,](?!\d)|(?<=\w)-|-(?!\d)")


class _Folding(dict[int, str | int | None]):
    """A table for str.translate that asks Unicode about each character once."""

    def __missing__(self, code: int) -> str | int | None:
        self[code] = replacement = self._fold(chr(code))
        return replacement

    @staticmethod
    def _fold(char: str) -> str | int | None:
        if char in "-.,":
            return char
        if char == "−":
            return "-"
        category = unicodedata.category(char)
        if category == "Cf":  # zero-width spaces, joiners and direction marks
            return None
        return " " if category[0] in "PZ" or category == "Cc" else char


_FOLDING = _Folding()


def normal_form(text: str) -> str:
    """Return the text without case, punctuation, compatibility forms and extra space; never empty for visible text."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    words = _LOOSE_MARKS.sub(" ", folded.translate(_FOLDING)).split()
    # "?!" is punctuation alone; without it there would be nothing left to tell it from "...".
    return " ".join(words or folded.split())


def group_of(text: str) -> str:
    """Return the digest of the normal form, as hex."""
    return group_of_form(normal_form(text))


def group_of_form(form: str) -> str:
    """Return the digest of a normal form, as hex."""
    return hashlib.blake2b(form.encode("utf-8", "surrogatepass"), digest_size=GROUP_BYTES).hexdigest()


def visible_part(text: str) -> str:
    """Return the text without what nobody can see: spaces, control codes, zero-width and direction marks."""
    return text if text.isprintable() and not text.isspace() else "".join(filter(_is_visible, text))


def has_control(text: str) -> bool:
    """Say whether a text holds what no text of ours may hold."""
    return _CONTROL.search(text) is not None


def as_utf8(text: str) -> str:
    """Return the text with a NUL for each half of a surrogate pair, which UTF-8 has no bytes for."""
    return text if text.isascii() else _HALVES.sub("\0", text)


def _is_visible(char: str) -> bool:
    category = unicodedata.category(char)
    return category[0] != "Z" and category not in ("Cc", "Cf", "Cs")
