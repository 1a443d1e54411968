"""The few pieces of HTML that the validation page is made of, its style, and the escaping that makes texts harmless."""

import base64
import hashlib
import unicodedata
from collections.abc import Iterable, Sequence
from html import escape

# Joiners hold emoji and some scripts together; the other invisible characters can only deceive.
_WELCOME_FORMATS = "\u200c\u200d"

STYLE = """
:root { color-scheme: light dark; --page: #f6f7f9; --card: #fff; --ink: #1a1f2b; --dim: #5c6577; --line: #e3e6ec;
  --good: #17794a; --good-soft: #e0f3e8; --bad: #b3261e; --bad-soft: #fbe6e4; --warn: #8a5a00; --warn-soft: #fdf0d3;
  --pool: #2256c4; --pool-soft: #e4ecfc; --same: #5c6577; --same-soft: #eceef2; }
@media (prefers-color-scheme: dark) {
  :root { --page: #12151b; --card: #1b1f28; --ink: #e7eaf0; --dim: #9aa3b5; --line: #2c3240;
    --good: #5fd39a; --good-soft: #16352a; --bad: #ff8f86; --bad-soft: #431f1d; --warn: #f2c063; --warn-soft: #3b2d10;
    --pool: #8fb4ff; --pool-soft: #1b2c50; --same: #a4adbd; --same-soft: #2a303c; } }
* { box-sizing: border-box; }
body { margin: 0; padding: 2rem 1rem 3rem; background: var(--page); color: var(--ink);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Noto Sans CJK SC", sans-serif; }
main { max-width: 60rem; margin: 0 auto; display: grid; gap: 1rem; grid-template-columns: minmax(0, 1fr); }
header { padding: 0 .25rem; } header p { margin: .4rem 0 0; }
h1 { margin: 0 0 .5rem; font-size: 1.7rem; line-height: 1.2; overflow-wrap: anywhere; }
h2 { margin: 0 0 .6rem; font-size: 1.05rem; }
.over { margin: 0; color: var(--dim); font-size: .75rem; letter-spacing: .08em; text-transform: uppercase; }
.dim { color: var(--dim); } p.dim { margin: .5rem 0 0; font-size: .9rem; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 1.1rem 1.25rem;
  overflow-x: auto; }
.tag { display: inline-block; padding: .05rem .55rem; border-radius: 99px; font-size: .8rem; font-weight: 600;
  white-space: nowrap; max-width: 100%; overflow: hidden; text-overflow: ellipsis; vertical-align: middle; }
.tag.good { color: var(--good); background: var(--good-soft); }
.tag.bad { color: var(--bad); background: var(--bad-soft); }
.tag.warn { color: var(--warn); background: var(--warn-soft); }
.tag.pool { color: var(--pool); background: var(--pool-soft); }
.tag.same { color: var(--same); background: var(--same-soft); }
.tiles { list-style: none; display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem;
  margin: 1rem 0 0; padding: 0; }
.tiles li { display: grid; grid-template-columns: auto 1fr; column-gap: .5rem; align-items: baseline; }
.tiles b { font-size: 1.5rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.tiles .dim { grid-column: 2; font-size: .85rem; }
.dot { width: .7rem; height: .7rem; border-radius: 3px; }
.dot.good { background: var(--good); } .dot.pool { background: var(--pool); } .dot.same { background: var(--same); }
.dot.bad { background: var(--bad); }
svg { display: block; width: 100%; } svg.stack { height: 14px; border-radius: 7px; background: var(--same-soft); }
svg.bar { height: 8px; min-width: 6rem; margin-top: .5rem; }
rect.good { fill: var(--good); } rect.pool { fill: var(--pool); }
rect.same { fill: var(--same); } rect.bad { fill: var(--bad); } rect.track { fill: var(--same-soft); }
table { width: 100%; border-collapse: collapse; font-size: .92rem; }
th { text-align: left; color: var(--dim); font-weight: 500; font-size: .8rem; padding: .3rem .6rem .3rem 0; }
td { border-top: 1px solid var(--line); padding: .5rem .6rem .5rem 0; vertical-align: top; overflow-wrap: anywhere; }
th.number { text-align: right; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; overflow-wrap: normal; }
table.rows { table-layout: fixed; } table.rows th:nth-child(1) { width: 4.5rem; }
table.rows th:nth-child(2) { width: 45%; }
table.rows td.number { text-align: left; color: var(--dim); }
td.text { white-space: pre-wrap; }
code { font: .82rem ui-monospace, "Cascadia Mono", Menlo, monospace; color: var(--dim); overflow-wrap: anywhere; }
details { border-top: 1px solid var(--line); padding: .6rem 0; } summary { cursor: pointer; }
footer { color: var(--dim); font-size: .82rem; padding: 0 .25rem; }
@media print { body { background: #fff; padding: 0; } section { break-inside: avoid; } }
"""


def shown(text: str) -> str:
    """Return any text as harmless HTML: escaped, its direction kept to itself, what is invisible made visible."""
    if not text:
        return ""
    return f'<bdi dir="auto">{escape("".join(map(_visible, text)))}</bdi>'


def tag(text: str, kind: str) -> str:
    return f'<span class="tag {kind}">{shown(text)}</span>'


def note(text: str) -> str:
    return f'<p class="dim">{shown(text)}</p>'


def section(title: str, inner: str) -> str:
    return f"<section><h2>{shown(title)}</h2>{inner}</section>"


def cell(inner: str, kind: str = "") -> str:
    """Return a table cell; `inner` is HTML already."""
    return f'<td class="{kind}">{inner}</td>' if kind else f"<td>{inner}</td>"


def head(name: str, kind: str = "") -> str:
    """Return the head of a column."""
    return f'<th scope="col" class="{kind}">{escape(name)}</th>' if kind else f'<th scope="col">{escape(name)}</th>'


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "") -> str:
    """Return a table; the rows are made of cells."""
    body = "\n".join(f"<tr>{''.join(cells)}</tr>" for cells in rows)
    return f'<table class="{kind}"><thead><tr>{"".join(heads)}</tr></thead><tbody>{body}</tbody></table>'


def bar(share: float) -> str:
    """Return a bar that is filled to a share of 0 to 1."""
    parts = (("track", 100.0), ("good", 100 * share))
    rects = "".join(f'<rect class="{kind}" width="{width:.2f}" height="8"/>' for kind, width in parts)
    return f'<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">{rects}</svg>'


def stack(parts: Sequence[tuple[int, str]]) -> str:
    """Return one bar of several parts, each a number and its kind."""
    total = max(sum(n for n, _ in parts), 1)
    rects, left = [], 0.0
    for n, kind in parts:
        width = 100 * n / total
        rects.append(f'<rect class="{kind}" x="{left:.3f}" width="{width:.3f}" height="10"/>')
        left += width
    return (
        f'<svg class="stack" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">{"".join(rects)}</svg>'
    )


def document(*, title: str, body: str, footer: str) -> str:
    """Return the whole page around its body."""
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    plain_title = escape("".join(map(_visible, title)))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{plain_title}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
{body}
<footer>{footer}</footer>
</main>
</body>
</html>
"""


def _visible(char: str) -> str:
    if char in "\n\t" or char in _WELCOME_FORMATS:
        return char
    if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
        return f"\\u{ord(char):04x}"
    return char
