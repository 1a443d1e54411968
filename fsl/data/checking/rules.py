"""The starter suite: every rule that a row, or a whole file, is held to, as plain data.

A rule says which column of a table is looked at, what must hold there, and what a person is told where it does not.
Great Expectations evaluates them behind `validation`; what happens to a row that breaks one is `staging` (rows by
themselves) and `sifting` (rows beside others).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Literal

from fsl.config import DataConfig
from fsl.data.checking.rows import Row
from fsl.data.normalise import CONTROL

CLOCKS_DIFFER = timedelta(days=1)
FORGOTTEN = "forgotten"


class Check(StrEnum):
    """What must hold in a column."""

    PRESENT = "present"  # no value is null
    ABSENT = "absent"  # every value is null: the column holds the words of a fault
    ONE_OF = "one of"
    LENGTH = "length"  # of a text, within minimum and maximum
    WITHIN = "within"  # a number, within minimum and maximum
    NO_MATCH = "no match"  # of the pattern
    MATCH = "match"
    NONE_OF = "none of"


@dataclass(frozen=True)
class Rule:
    """One thing that must hold."""

    code: str  # what quarantine and records call a breach of it
    title: str  # what holds when it holds
    column: str
    check: Check
    minimum: float | None = None
    maximum: float | None = None
    pattern: str | None = None
    values: tuple[str, ...] = ()
    severity: Literal["critical", "warning"] = "critical"
    fault: str = ""  # what rows that break it have in common, as a heading


@dataclass(frozen=True)
class RowRule:
    """A rule for rows by themselves, with the words for a row that breaks it."""

    rule: Rule
    words: Callable[[Row], str]


def line_rules() -> tuple[RowRule, ...]:
    """Return what every line must be, before it can be looked at as a row."""
    readable = Rule(
        "unreadable", "Every line can be read as a row", "reading_fault", Check.ABSENT, fault="Lines that are no rows"
    )
    forgotten = Rule(
        FORGOTTEN,
        "No row was asked to be forgotten before",
        "forgotten",
        Check.ABSENT,
        fault="Asked to be forgotten, so not kept",
    )
    return (
        RowRule(readable, lambda row: row.reading_fault or ""),
        RowRule(forgotten, lambda row: row.forgotten or ""),
    )


def row_rules(config: DataConfig, now: datetime) -> tuple[RowRule, ...]:
    """Return what every row that can be read must be, whatever the others are."""
    longest = config.max_text_chars
    earliest = datetime(config.earliest_year, 1, 1, tzinfo=UTC)
    return (
        RowRule(
            Rule("text_missing", "Every row has a text", "text_type", Check.PRESENT, fault="No text"),
            lambda _: f"there is no text in the column {config.text_column!r}",
        ),
        RowRule(
            Rule(
                "text_type",
                "Texts are texts",
                "text_type",
                Check.ONE_OF,
                values=("text",),
                fault="Text of another type",
            ),
            lambda row: f"the text is of type {row.text_type}, but a text is needed",
        ),
        RowRule(
            Rule(
                "text_empty",
                "No text is empty after cleaning",
                "visible",
                Check.LENGTH,
                minimum=1,
                fault="Nothing to see in the text",
            ),
            lambda _: "the text is empty, or holds nothing that can be seen",
        ),
        RowRule(
            Rule(
                "text_too_long",
                f"No text is over {longest:,} characters",
                "text",
                Check.LENGTH,
                maximum=longest,
                fault="Text too long",
            ),
            lambda row: f"the text has {len(row.text or ''):,} characters, more than the {longest:,} allowed",
        ),
        RowRule(
            Rule(
                "control_characters",
                "No text holds control characters",
                "text",
                Check.NO_MATCH,
                pattern=CONTROL,
                fault="Control characters in the text",
            ),
            lambda _: "the text holds control characters, such as NUL",
        ),
        RowRule(
            Rule(
                "target_invalid",
                "Every target fits the problem and its text",
                "target_fault",
                Check.ABSENT,
                fault="Target that does not fit",
            ),
            lambda row: row.target_fault or "",
        ),
        RowRule(
            Rule(
                "time_invalid",
                "Every time is an ISO 8601 date or time",
                "time_fault",
                Check.ABSENT,
                fault="Time that cannot be read",
            ),
            lambda row: row.time_fault or "",
        ),
        RowRule(
            Rule(
                "placing_invalid",
                "Every row that says what it is for can be understood",
                "placing_fault",
                Check.ABSENT,
                fault="Audit mark or split that cannot be read",
            ),
            lambda row: row.placing_fault or "",
        ),
        RowRule(
            Rule(
                "time_out_of_range",
                f"Every time lies between {config.earliest_year} and tomorrow",
                "seconds",
                Check.WITHIN,
                minimum=earliest.timestamp(),
                maximum=(now + CLOCKS_DIFFER).timestamp(),
                fault="Time that cannot be true",
            ),
            lambda row: (
                f"the time {row.time:%Y-%m-%d %H:%M} is before {config.earliest_year} (`data.earliest_year`), or in "
                "the future"
            ),
        ),
    )


LABEL = Rule(
    "label_unknown",
    "Every label is known, or new in enough rows",
    "label_fault",
    Check.ABSENT,
    fault="Unknown or rare label",
)
CONTRADICTION = Rule(
    "contradiction", "No text has two targets", "contradiction", Check.ABSENT, fault="Same text, another target"
)
DUPLICATE = Rule(
    "duplicate",
    "No row is there twice",
    "duplicate_of",
    Check.ABSENT,
    severity="warning",
    fault="There already, so merged",
)
LEAK = Rule(
    "leak", "No row that judges was trained on", "leak", Check.ABSENT, fault="Would judge, and is trained on already"
)
# Noted and not refused: such a row is kept, and used for nothing.
BRIDGE = Rule(
    "bridge",
    "No row is close to rows of two splits",
    "between",
    Check.ABSENT,
    severity="warning",
    fault="Close to rows of another split, so used for neither",
)
RELATION_RULES = (LABEL, CONTRADICTION, LEAK, DUPLICATE, BRIDGE)

ROWS = Rule("no_rows", "The file holds rows", "n_read", Check.WITHIN, minimum=1)
ONE_LABEL = Rule("one_label", "There are two labels or more to tell apart", "n_labels", Check.WITHIN, minimum=2)
REFUSED_SHARE = "refused_share"
NEW_LABEL_SHARE = "new_label_share"
LABEL_SHIFT = "label_shift"
UNSEEN_SCRIPTS = "unseen_script_share"
CUT_SHARE = "cut_share"


def file_rules(config: DataConfig, *, needs_two_labels: bool) -> tuple[Rule, ...]:
    """Return what the file as a whole must be, once all of its rows were looked at."""
    most = config.max_refused_share
    share = Rule(
        REFUSED_SHARE, f"No more than {most:.0%} of the rows are refused", REFUSED_SHARE, Check.WITHIN, maximum=most
    )
    return (ROWS, share, *((ONE_LABEL,) if needs_two_labels else ()), *_against_history(config))


def _against_history(config: DataConfig) -> tuple[Rule, ...]:
    """Return how far a file may differ from those before. The first stops it; the others are noted on its page."""
    news, shift = config.max_new_label_share, config.max_label_shift
    scripts, cut = config.max_unseen_script_share, config.max_cut_share

    def at_most(code: str, title: str, most: float, severity: Literal["critical", "warning"] = "warning") -> Rule:
        return Rule(code, title, code, Check.WITHIN, maximum=most, severity=severity)

    return (
        at_most(NEW_LABEL_SHARE, f"No more than {news:.0%} of the rows have new labels", news, "critical"),
        at_most(LABEL_SHIFT, f"The shares of labels moved by no more than {shift:.0%}", shift),
        at_most(UNSEEN_SCRIPTS, f"No more than {scripts:.0%} of the rows are in a script not seen before", scripts),
        at_most(CUT_SHARE, f"No more than {cut:.0%} of the texts are longer than the encoder reads", cut),
    )
