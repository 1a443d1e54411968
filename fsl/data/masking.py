"""Personal data in texts: e-mail addresses, phone, card and account numbers, masked before anything is stored.

A mask has the length of what it hides: letters become `x`, digits `0`, the rest stays (`anna@web.de` is `xxxx@xxx.xx`).
So spans of a tagging row keep their offsets, and a model still sees that an address stood there. What masking a text
twice gives is what masking it once gave.

The one door to `phonenumbers` and `stdnum`, which are opened when the first text is masked.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, Literal

from fsl.errors import MissingPackage

Kind = Literal["email", "phone", "card", "account"]
Span = tuple[int, int]

_EMAIL = re.compile(r"(?<![\w.+-])[\w.%+'-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
_DIGITS = re.compile(r"(?<!\w)\d(?:[ -]?\d){11,}(?!\w)")
_ACCOUNT = re.compile(r"(?<!\w)[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){11,30}")
_CARD_LENGTHS = (16, 15, 14, 19, 18, 17, 13)  # ISO/IEC 7812; the common ones first
_CARD_BEGINS = "23456"  # of the networks that issue payment cards
_MIN_PHONE_DIGITS = 6


@dataclass
class Masker:
    """Masks the kinds of personal data that a project names, and counts what it masked."""

    kinds: tuple[Kind, ...]
    region: str | None = None  # whose phone numbers are read without a country code
    counts: Counter[str] = field(default_factory=Counter)

    def mask(self, text: str) -> str:
        """Return the text with its personal data masked, as long as it was; count what there was."""
        masked, counts = self._masked(text)
        self.counts.update(counts)
        return masked

    def mask_value(self, value: Any) -> Any:
        """Return a row's value with every text and number in it masked, uncounted."""
        match value:
            case str():
                return self._masked(value)[0]
            case bool() | None:
                return value
            case int():
                masked = self._masked(str(value))[0]
                return value if masked == str(value) else masked
            case Mapping():
                return {name: self.mask_value(one) for name, one in value.items()}
            case list() | tuple():
                return [self.mask_value(one) for one in value]
            case _:
                return value

    def _masked(self, text: str) -> tuple[str, Counter[str]]:
        counts: Counter[str] = Counter()
        for kind in _ORDER:
            if kind in self.kinds:
                for start, end in list(self._finders[kind](text)):
                    hidden = _hide(text[start:end])
                    counts[kind] += hidden != text[start:end]
                    text = text[:start] + hidden + text[end:]
        return text, +counts

    @cached_property
    def _finders(self) -> Mapping[Kind, Callable[[str], Iterator[Span]]]:
        """What finds each kind that is named. Raises MissingPackage."""
        openers: Mapping[Kind, Callable[[], Callable[[str], Iterator[Span]]]] = {
            "email": lambda: _find_emails,
            "account": _open_accounts,
            "card": _open_cards,
            "phone": lambda: _open_phones(self.region),
        }
        try:
            return {kind: openers[kind]() for kind in self.kinds}
        except ImportError as error:
            raise MissingPackage(error.name or "phonenumbers", "masking (`data.mask`)", "mask") from error


# An account number holds digits that would pass for a card's, and a card's would pass for a phone's.
_ORDER: tuple[Kind, ...] = ("email", "account", "card", "phone")


def _hide(text: str) -> str:
    return "".join("x" if char.isalpha() else "0" if char.isnumeric() else char for char in text)


def _find_emails(text: str) -> Iterator[Span]:
    if "@" in text:
        yield from (match.span() for match in _EMAIL.finditer(text))


def _open_phones(region: str | None) -> Callable[[str], Iterator[Span]]:
    import phonenumbers

    def find(text: str) -> Iterator[Span]:
        if sum(char.isdigit() for char in text) >= _MIN_PHONE_DIGITS:
            yield from ((one.start, one.end) for one in phonenumbers.PhoneNumberMatcher(text, region))

    return find


def _open_accounts() -> Callable[[str], Iterator[Span]]:
    from stdnum import iban

    return partial(_find_accounts, is_valid=iban.is_valid)


def _open_cards() -> Callable[[str], Iterator[Span]]:
    from stdnum import luhn

    return partial(_find_cards, is_valid=luhn.is_valid)


def _find_accounts(text: str, is_valid: Callable[[str], bool]) -> Iterator[Span]:
    for match in _ACCOUNT.finditer(text):
        # The words behind a number look as if they went on with it; its own check says where it ends.
        for end in range(match.end(), match.start() + 14, -1):
            if not text[end : end + 1].isalnum() and is_valid(text[match.start() : end]):
                yield match.start(), end
                break


def _find_cards(text: str, is_valid: Callable[[str], bool]) -> Iterator[Span]:
    for match in _DIGITS.finditer(text):
        places = [index for index in range(*match.span()) if text[index].isdigit()]
        begin = 0
        while begin < len(places):
            length = next((n for n in _CARD_LENGTHS if _is_card(text, places[begin : begin + n], n, is_valid)), None)
            if length is None:
                begin += 1
            else:
                yield places[begin], places[begin + length - 1] + 1
                begin += length


def _is_card(text: str, places: list[int], n: int, is_valid: Callable[[str], bool]) -> bool:
    if len(places) < n or text[places[0]] not in _CARD_BEGINS:
        return False
    before, behind = text[places[0] - 1 : places[0]], text[places[-1] + 1 : places[-1] + 2]
    return not before.isdigit() and not behind.isdigit() and is_valid("".join(text[place] for place in places))
