"""The validation page: one self-contained HTML file, rendered from the results of Great Expectations.

It loads nothing and runs nothing: a content policy allows its one style sheet, by digest, and no more. Every text on
it is hostile; `markup` makes them harmless.
"""

from collections.abc import Iterable

from fsl.data.markup import bar, cell, document, head, note, section, shown, stack, table, tag
from fsl.data.quarantine import ReasonGroup, RefusedRow
from fsl.data.report import LabelLine, ValidationReport
from fsl.data.rules import DUPLICATE
from fsl.data.validation import RuleResult

MAX_LABELS = 200
EXCERPT_CHARS = 200
SPLITS = ("train", "tune", "judge", "barred")


def render_page(report: ValidationReport) -> str:
    """Return the page's HTML. The same report always gives the same bytes."""
    body = (
        _header(report),
        _overview(report),
        _refused(report),
        _labels(report),
        _rules(report),
        _columns(report),
    )
    return document(title=f"Validation of {report.source.name}", body="\n".join(body), footer=_footer(report))


def _header(report: ValidationReport) -> str:
    source = report.source
    facts = [
        f"{report.when:%Y-%m-%d %H:%M} {report.when.tzname() or ''}".strip(),
        source.format,
        source.encoding,
        f"delimiter {source.delimiter!r}" if source.delimiter else None,
        f"{source.size:,} bytes",
    ]
    verdict = (
        tag("accepted", "good") if not report.n_refused else tag(f"accepted, {report.n_refused:,} refused", "warn")
    )
    line = " · ".join(shown(fact) for fact in facts if fact)
    title = f'<p class="over">Validation</p><h1>{shown(source.name)}</h1>'
    return f'<header>{title}{verdict}<p class="dim">{line}</p></header>'


def _overview(report: ValidationReport) -> str:
    parts = (
        ("accepted", report.n_rows, "good"),
        ("unlabelled, to the pool", report.n_pool, "pool"),
        ("duplicates, merged", report.n_duplicates, "same"),
        ("refused", report.n_refused, "bad"),
    )
    tiles = "".join(
        f'<li><span class="dot {kind}"></span><b>{n:,}</b><span class="dim">{name}</span></li>'
        for name, n, kind in parts
    )
    splits = ", ".join(f"{report.splits[name]:,} {name}" for name in SPLITS if report.splits.get(name))
    words = f"{report.n_read:,} rows were read." + (f" The accepted ones are {splits}." if splits else "")
    return f'<section>{stack([(n, kind) for _, n, kind in parts])}<ul class="tiles">{tiles}</ul>{note(words)}</section>'


def _refused(report: ValidationReport) -> str:
    titles = {result.rule.code: result.rule.fault for result in report.results}
    groups = [_group(group, titles.get(group.code, group.code)) for group in report.groups]
    if not groups:
        return section("Refused rows", note("No row was refused."))
    words = "Each row is kept whole, with its reasons. Export them, mend them, and drop the file again."
    return section("Rows that did not come in", note(words) + "".join(groups))


def _group(group: ReasonGroup, title: str) -> str:
    rows = table(
        (head("Line"), head("Text"), head("Why")),
        (_refused_row(row, group.code) for row in group.examples),
        kind="rows",
    )
    more = group.n - len(group.examples)
    rest = note(f"and {more:,} more") if more > 0 else ""
    is_open = "" if group.code == DUPLICATE.code else " open"
    badge = tag(f"{group.n:,}", "same" if group.code == DUPLICATE.code else "bad")
    summary = f"<summary>{badge} {shown(title)} <code>{shown(group.code)}</code></summary>"
    return f"<details{is_open}>{summary}{rows}{rest}</details>"


def _refused_row(row: RefusedRow, code: str) -> tuple[str, ...]:
    text = row.raw if row.text is None else row.text
    why = "; ".join(reason.words for reason in row.reasons if reason.code == code)
    others = ", ".join(reason.code for reason in row.reasons if reason.code != code)
    also = f'<br><span class="dim">also {shown(others)}</span>' if others else ""
    return cell(f"{row.line:,}", "number"), cell(_excerpt(text), "text"), cell(shown(why) + also)


def _excerpt(text: str) -> str:
    cut = f'{shown(text[:EXCERPT_CHARS])}<span class="dim">… {len(text):,} characters</span>'
    return cut if len(text) > EXCERPT_CHARS else shown(text) or '<span class="dim">(empty)</span>'


def _labels(report: ValidationReport) -> str:
    if not report.labels:
        return section("Labels", note("No labelled row was accepted."))
    most = max(line.n for line in report.labels)
    lines = sorted(report.labels, key=lambda line: (-line.n, line.label))
    rows = (_label_row(line, most) for line in lines[:MAX_LABELS])
    rest = note(f"and {len(lines) - MAX_LABELS:,} more labels") if len(lines) > MAX_LABELS else ""
    return section(
        "Labels", table((head("Label"), head(""), head("Rows here", "number"), head("Before", "number")), rows) + rest
    )


def _label_row(line: LabelLine, most: int) -> tuple[str, ...]:
    new = f" {tag('new', 'pool')}" if line.is_new else ""
    name = cell(f"{shown(line.label)}{new}")
    return name, cell(bar(line.n / most)), cell(f"{line.n:,}", "number"), cell(f"{line.n_before:,}", "number")


def _rules(report: ValidationReport) -> str:
    rows = (_rule_row(result) for result in report.results)
    return section(
        "Rules", table((head(""), head("Rule"), head("Checked", "number"), head("Broken by", "number")), rows)
    )


def _rule_row(result: RuleResult) -> tuple[str, ...]:
    if result.holds:
        mark = tag("✓ holds", "good")
    else:
        mark = tag("! noted", "same") if result.rule.severity == "warning" else tag("✕ broken", "bad")
    name = f"{shown(result.rule.title)}<br><code>{shown(result.expectation)}</code>"
    return cell(mark), cell(name), cell(f"{result.n_checked:,}", "number"), cell(f"{result.n_failed:,}", "number")


def _columns(report: ValidationReport) -> str:
    read = [name for name in report.columns_read if name in report.columns]
    unread = [name for name in report.columns if name not in report.columns_read]
    tags = [*(tag(name, "good") for name in read), *(tag(name, "same") for name in unread)]
    words = f"Read: {_listed(read)}. Not read: {_listed(unread)}."
    return section("Columns", f"<p>{' '.join(tags)}</p>{note(words)}")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"


def _footer(report: ValidationReport) -> str:
    return (
        f"SHA-256 of the file: <code>{shown(report.source.sha256)}</code>. The rules were evaluated by Great "
        "Expectations. This page stands alone: it loads nothing and runs nothing."
    )
