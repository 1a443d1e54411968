"""The validation page: one self-contained HTML file, rendered from the results of Great Expectations.

It loads nothing and runs nothing. Every text on it is hostile; `fsl.pages.markup` makes them harmless.
"""

from collections.abc import Iterable, Sequence

from fsl.data.checking.report import LabelLine, ValidationReport
from fsl.data.checking.rules import BRIDGE, DUPLICATE
from fsl.data.checking.validation import RuleResult
from fsl.data.quarantine import ReasonGroup, RefusedRow
from fsl.pages.markup import Markup, isolate, join, page, tag
from fsl.pages.parts import build_badge, build_card, build_note, draw_bar, draw_stack

MAX_LABELS = 200
EXCERPT_CHARS = 200
SHOWN_DIGEST_CHARS = 16
SPLITS = ("train", "tune", "judge", "barred")


def render_page(report: ValidationReport) -> str:
    """Return the page's HTML. The same report always gives the same bytes."""
    return page(
        f"Validation of {report.source.name}",
        _header(report),
        _overview(report),
        _files(report),
        _refused(report),
        _barred(report),
        _labels(report),
        _rules(report),
        _columns(report),
        _footer(report),
    )


def _header(report: ValidationReport) -> Markup:
    source = report.source
    facts = [
        f"{report.when:%Y-%m-%d %H:%M} {report.when.tzname() or ''}".strip(),
        source.format,
        source.encoding,
        f"delimiter {source.delimiter!r}" if source.delimiter else None,
        f"{source.size:,} bytes",
    ]
    verdict = (
        build_badge("accepted", "good")
        if not report.n_refused
        else build_badge(f"accepted, {report.n_refused:,} refused", "wait")
    )
    line = Markup(" · ".join(isolate(fact) for fact in facts if fact))
    return tag(
        "header",
        tag("p", "Validation", class_="kicker over"),
        tag("h1", isolate(source.name)),
        verdict,
        tag("p", line, class_="soft"),
    )


def _overview(report: ValidationReport) -> Markup:
    parts = (
        ("accepted", report.n_rows, "good"),
        ("unlabelled, to the pool", report.n_pool, "accent"),
        ("duplicates, merged", report.n_duplicates, "plain"),
        ("refused", report.n_refused, "bad"),
    )
    legend = (
        tag("li", tag("span", class_=f"dot {kind}"), tag("b", f"{n:,}"), tag("span", name, class_="soft"))
        for name, n, kind in parts
    )
    splits = ", ".join(f"{report.splits[name]:,} {name}" for name in SPLITS if report.splits.get(name))
    words = f"{report.n_read:,} rows were read." + (f" The accepted ones are {splits}." if splits else "")
    if report.masked:
        words += f" Masked before storage: {', '.join(f'{n:,} {kind}' for kind, n in report.masked.items())}."
    bar = draw_stack([(n, kind) for _, n, kind in parts])
    return tag("section", bar, tag("ul", *legend, class_="legend"), build_note(words), class_="card")


def _files(report: ValidationReport) -> Markup:
    if not report.files:
        return Markup("")
    titles = ("File", "Rows read", "Accepted", "To the pool", "Duplicates", "Refused", "SHA-256")
    rows = (
        (
            isolate(one.source.name),
            *(f"{n:,}" for n in (one.n_read, one.n_rows, one.n_pool, one.n_duplicates, one.n_refused)),
            tag("code", isolate(one.source.sha256[:SHOWN_DIGEST_CHARS])),
        )
        for one in report.files
    )
    words = tag("summary", f"{len(report.files):,} files were waiting together, and came in as one batch")
    return build_card("Files", tag("details", words, _table(titles, rows, numbers=(1, 2, 3, 4, 5))))


def _refused(report: ValidationReport) -> Markup:
    titles = {result.rule.code: result.rule.fault for result in report.results}
    groups = [_group(group, titles.get(group.code, group.code), report) for group in report.groups]
    if not groups:
        return build_card("Refused rows", build_note("No row was refused."))
    words = "Each row is kept whole, with its reasons. Export them, mend them, and drop the file again."
    return build_card("Rows that did not come in", build_note(words), *groups)


def _barred(report: ValidationReport) -> Markup:
    if report.barred is None:
        return Markup("")
    words = "These rows are kept, and used for nothing: they would carry what one split knows into another."
    return build_card("Rows between two splits", build_note(words), _group(report.barred, BRIDGE.fault, report))


def _group(group: ReasonGroup, title: str, report: ValidationReport) -> Markup:
    is_merged = group.code == DUPLICATE.code
    badge = build_badge(f"{group.n:,}", "plain" if group.code in (DUPLICATE.code, BRIDGE.code) else "bad")
    is_one_file = not report.files
    head = ("Line" if is_one_file else "File and line", "Text", "Why")
    places = (f"{row.line:,}" if is_one_file else isolate(row.source) for row in group.examples)
    cells = (_refused_row(row, group.code, place) for row, place in zip(group.examples, places, strict=True))
    rows = _table(head, cells, kind="refused")
    more = group.n - len(group.examples)
    return tag(
        "details",
        tag("summary", badge, " ", isolate(title), " ", tag("code", isolate(group.code))),
        rows,
        build_note(f"and {more:,} more") if more > 0 else "",
        **({} if is_merged else {"open": ""}),
    )


def _refused_row(row: RefusedRow, code: str, place: str) -> tuple[str, ...]:
    text = row.raw if row.text is None else row.text
    why = "; ".join(reason.words for reason in row.reasons if reason.code == code)
    others = ", ".join(reason.code for reason in row.reasons if reason.code != code)
    also = join([tag("br"), tag("span", "also ", isolate(others), class_="soft")]) if others else ""
    return place, _excerpt(text), join([isolate(why), also])


def _excerpt(text: str) -> Markup:
    if not text:
        return tag("span", "(empty)", class_="soft")
    if len(text) <= EXCERPT_CHARS:
        return isolate(text)
    return join([isolate(text[:EXCERPT_CHARS]), tag("span", f"… {len(text):,} characters", class_="soft")])


def _labels(report: ValidationReport) -> Markup:
    if not report.labels:
        return build_card("Labels", build_note("No labelled row was accepted."))
    most = max(line.n for line in report.labels)
    lines = sorted(report.labels, key=lambda line: (-line.n, line.label))
    rows = (_label_row(line, most) for line in lines[:MAX_LABELS])
    more = len(lines) - MAX_LABELS
    rest = build_note(f"and {more:,} more labels") if more > 0 else ""
    return build_card("Labels", _table(("Label", "", "Rows here", "Before"), rows, numbers=(2, 3)), rest)


def _label_row(line: LabelLine, most: int) -> tuple[str, ...]:
    new = join([" ", build_badge("new", "accent")]) if line.is_new else ""
    return join([isolate(line.label), new]), draw_bar(line.n / most), f"{line.n:,}", f"{line.n_before:,}"


def _rules(report: ValidationReport) -> Markup:
    rows = (_rule_row(result) for result in report.results)
    return build_card("Rules", _table(("", "Rule", "Checked", "Broken by"), rows, numbers=(2, 3)))


def _rule_row(result: RuleResult) -> tuple[str, ...]:
    if result.holds:
        mark = build_badge("✓ holds", "good")
    else:
        mark = build_badge("! noted", "plain") if result.rule.severity == "warning" else build_badge("✕ broken", "bad")
    name = join([isolate(result.rule.title), tag("br"), tag("code", isolate(result.expectation))])
    return mark, name, f"{result.n_checked:,}", f"{result.n_failed:,}"


def _columns(report: ValidationReport) -> Markup:
    read = [name for name in report.columns_read if name in report.columns]
    unread = [name for name in report.columns if name not in report.columns_read]
    badges = [*(build_badge(name, "good") for name in read), *(build_badge(name, "plain") for name in unread)]
    words = f"Read: {_listed(read)}. Not read: {_listed(unread)}."
    return build_card("Columns", tag("p", Markup(" ".join(badges))), build_note(words))


def _footer(report: ValidationReport) -> Markup:
    return tag(
        "footer",
        *(() if report.files else ("SHA-256 of the file: ", tag("code", isolate(report.source.sha256)), ". ")),
        "The rules were evaluated by Great Expectations. This page stands alone: it loads nothing and runs nothing.",
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "", numbers: Sequence[int] = ()) -> Markup:
    """Return a table with `numbers` columns set to the right; unlike in `build_table`, no column names its row."""

    def css_class(index: int) -> str:
        return "number" if index in numbers else "text"

    titles = (tag("th", name, scope="col", class_=css_class(index)) for index, name in enumerate(head))
    body = (tag("tr", *(tag("td", cell, class_=css_class(index)) for index, cell in enumerate(row))) for row in rows)
    return tag("table", tag("thead", tag("tr", *titles)), tag("tbody", *body), class_=kind)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
