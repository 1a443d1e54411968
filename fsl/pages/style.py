"""The style sheet of our own pages: quiet, readable, light or dark as the reader's system is, fit for printing."""

STYLE = """
:root { color-scheme: light dark; --paper: #f6f7f9; --card: #ffffff; --ink: #1b1f24; --soft: #5a6472; --line: #dfe3e8;
  --accent: #2457c5; --accent-soft: #e4ecfc; --good: #17754a; --good-soft: #e5f4ec; --bad: #b3261e;
  --bad-soft: #fbe9e7; --wait: #8a5a00; --wait-soft: #fdf3dc; --other: #9aa4b2; --other-soft: #eceef2; }
@media (prefers-color-scheme: dark) { :root { --paper: #111418; --card: #1a1e24; --ink: #e7eaee; --soft: #a2adba;
  --line: #2f363f; --accent: #86aefc; --accent-soft: #1b2c50; --good: #63cf9b; --good-soft: #16301f; --bad: #ff9b91;
  --bad-soft: #3a1b18; --wait: #f0c060; --wait-soft: #33270d; --other: #6d7785; --other-soft: #2a303c; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI",
  Roboto, "Noto Sans", "Noto Sans CJK SC", sans-serif; }
main { max-width: 1040px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 30px; line-height: 1.2; margin: 4px 0 6px; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h2 { font-size: 19px; margin: 0 0 12px; }
h3 { font-size: 15px; margin: 18px 0 8px; }
p { margin: 0 0 10px; }
.soft, caption, footer { color: var(--soft); font-size: 14px; }
.kicker { color: var(--soft); font-size: 14px; margin: 0; }
.kicker.over { font-size: 12px; letter-spacing: .08em; text-transform: uppercase; }
header { padding: 0 4px; } header .soft { margin: 8px 0 0; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 22px 24px;
  margin: 18px 0; overflow-x: auto; }
.verdict { border-left: 8px solid var(--other); }
.promote { border-left-color: var(--good); } .reject { border-left-color: var(--bad); }
.undecided { border-left-color: var(--wait); }
.badge { display: inline-block; white-space: nowrap; border-radius: 999px; padding: 1px 10px; font-weight: 600;
  font-size: 13px; max-width: 100%; overflow: hidden; text-overflow: ellipsis; vertical-align: middle; }
.verdict > .badge, header > .badge { padding: 2px 12px; font-size: 14px; }
.promote .badge, .badge.good { color: var(--good); background: var(--good-soft); }
.reject .badge, .badge.bad { color: var(--bad); background: var(--bad-soft); }
.undecided .badge, .badge.wait { color: var(--wait); background: var(--wait-soft); }
.badge.accent { color: var(--accent); background: var(--accent-soft); }
.badge.plain { color: var(--soft); background: var(--other-soft); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(146px, 1fr)); gap: 12px; margin: 18px 0; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 14px 16px; }
.tile b { display: block; font-size: 20px; line-height: 1.25; font-variant-numeric: tabular-nums; }
.tile span { color: var(--soft); font-size: 13px; }
ul { margin: 0 0 12px; padding-left: 20px; } li { margin: 5px 0; }
.legend { list-style: none; display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: 12px;
  margin: 16px 0 10px; padding: 0; }
.legend li { display: grid; grid-template-columns: auto 1fr; column-gap: 8px; align-items: baseline; margin: 0; }
.legend b { font-size: 24px; line-height: 1.2; font-variant-numeric: tabular-nums; }
.legend .soft { grid-column: 2; }
.dot { width: 11px; height: 11px; border-radius: 3px; }
.dot.good { background: var(--good); } .dot.accent { background: var(--accent); }
.dot.plain { background: var(--soft); } .dot.bad { background: var(--bad); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 15px; }
caption { text-align: left; padding-bottom: 8px; }
th, td { text-align: left; padding: 7px 12px 7px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-weight: 600; } thead th { color: var(--soft); font-size: 13px; font-weight: 500; }
tbody tr:last-child > * { border-bottom: 0; }
.flips tbody th { width: 37%; font-weight: 400; } .flips td { overflow-wrap: anywhere; }
th.number, td.number { text-align: right; white-space: nowrap; } .text { overflow-wrap: anywhere; }
.refused { table-layout: fixed; } .refused th:nth-child(1) { width: 72px; } .refused th:nth-child(2) { width: 45%; }
.refused td:nth-child(1) { color: var(--soft); } .refused td:nth-child(2) { white-space: pre-wrap; }
.two { display: grid; grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); gap: 24px; align-items: start; }
.why { margin: 14px 0 18px; padding-left: 14px; border-left: 3px solid var(--line); }
.why p { margin: 0 0 6px; } .why .carried { font-size: 17px; line-height: 1.9; overflow-wrap: anywhere; }
mark { color: inherit; background: none; border-radius: 4px; padding: 2px 1px; }
mark.for { background: var(--good-soft); } mark.against { background: var(--bad-soft); }
mark.strong { font-weight: 700; } mark.for.strong { box-shadow: inset 0 -3px var(--good); }
mark.against.strong { box-shadow: inset 0 -3px var(--bad); }
code { font: 13px/1.4 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; color: var(--soft);
  overflow-wrap: anywhere; }
details { border-top: 1px solid var(--line); padding: 10px 0; } summary { cursor: pointer; }
svg.wide { width: 100%; max-width: 720px; height: auto; display: block; }
svg.square { width: 100%; max-width: 320px; height: auto; display: block; }
svg.cell-bar { width: 110px; height: 16px; display: inline-block; vertical-align: middle; }
svg.stack { display: block; width: 100%; height: 14px; border-radius: 7px; background: var(--other-soft); }
svg.level { display: block; width: 100%; min-width: 6rem; height: 8px; margin-top: 8px; }
rect.good { fill: var(--good); } rect.accent { fill: var(--accent); } rect.plain { fill: var(--soft); }
rect.bad { fill: var(--bad); } rect.track { fill: var(--other-soft); }
.axis { stroke: var(--line); stroke-width: 1; } .frame { fill: none; stroke: var(--line); }
.zone-worse { fill: var(--bad-soft); } .mark-margin { stroke: var(--bad); stroke-dasharray: 3 3; }
.mark-zero { stroke: var(--soft); stroke-dasharray: 4 4; } .whisker { stroke: var(--accent); stroke-width: 2.5; }
.point, .dot-challenger { fill: var(--accent); } .dot-champion { fill: none; stroke: var(--other); stroke-width: 2; }
.tick { fill: var(--soft); font-size: 12px; text-anchor: middle; }
.value { fill: var(--ink); font-size: 14px; font-weight: 600; text-anchor: middle; }
.bar-rest { fill: var(--line); } .bar { fill: var(--accent); } .bar-whisker { stroke: var(--ink); stroke-width: 1.5; }
@media print { body { background: none; } .card, .tile { break-inside: avoid; } }
"""
