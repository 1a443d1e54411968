"""Numbers and lists as people say them."""

import math
from collections.abc import Sequence


def percent(share: float) -> str:
    return f"{100 * share:.1f}%" if math.isfinite(share) else "no number"


def points(difference: float) -> str:
    """Return a difference of two shares in percentage points, with its sign."""
    rounded = round(100 * difference, 1) + 0.0  # no minus before a zero
    return f"{rounded:+.1f} points" if rounded else "0.0 points"


def points_range(low: float, high: float) -> str:
    return f"{points(low).removesuffix(' points')} to {points(high)}"


def percent_range(low: float, high: float) -> str:
    return f"{percent(low)} to {percent(high)}"


def p_words(p_value: float) -> str:
    return f"p = {p_value:.2g}" if p_value >= 0.0001 else "p < 0.0001"


def listed(names: Sequence[str], most: int = 8) -> str:
    """Return names with commas and an `and`; long lists are cut, saying by how many."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def n_of(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def megabytes(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:.1f} MB"


def milliseconds(duration_ms: float) -> str:
    return f"{duration_ms:.1f} ms" if math.isfinite(duration_ms) else "not measured"


def sentence(words: str) -> str:
    """Return words as a sentence: a capital first, except in terms such as p95, and a full stop last."""
    is_term = any(char.isdigit() for char in words.partition(" ")[0])
    start = words[:1] if is_term else words[:1].upper()
    return f"{start}{words[1:]}" + ("" if words.endswith((".", "?", "!")) else ".")
