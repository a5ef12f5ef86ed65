"""How a page looks: on a screen that is light or dark, and on paper. Text has a contrast of 7 to 1 or more on its ground."""

STYLE = """
:root { --ground: #ffffff; --ink: #1a1a1a; --soft: #4a4a4a; --line: #c8c8c8; --good: #0b5d1e; --bad: #9b1111; --open: #6b4700; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #14161a; --ink: #f0f0f0; --soft: #c4c8ce; --line: #474c55; --good: #8fe3a4; --bad: #ffb0a8; --open: #f2cf8a; }
}
@media print {
  :root { --ground: #ffffff; --ink: #000000; --soft: #333333; --line: #999999; --good: #0b5d1e; --bad: #9b1111; --open: #6b4700; }
}
body { background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 62rem; overflow-wrap: break-word; padding: 2rem 1rem; }
h1 { font-size: 1.75rem; line-height: 1.25; margin: 0 0 .5rem; text-wrap: balance; }
h2 { border-top: 1px solid var(--line); font-size: 1.2rem; margin: 2rem 0 .5rem; padding-top: 1rem; }
.lead { font-size: 1.2rem; margin: .5rem 0; }
.Confirmed { color: var(--good); } .Refuted { color: var(--bad); } .Inconclusive { color: var(--open); }
.soft, caption { color: var(--soft); } caption { text-align: left; padding-bottom: .3rem; max-width: calc(100vw - 2rem); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .6rem; text-align: right; vertical-align: top; }
thead th { vertical-align: bottom; }
th[scope=row], thead th:first-child, .text { text-align: left; } th { font-weight: 600; }
td { white-space: nowrap; } td.text { white-space: normal; } th.name, td.name { white-space: nowrap; }
figure { margin: 0; overflow-x: auto; } svg { width: 100%; min-width: 34rem; height: auto; } svg text { fill: var(--ink); font: 14px system-ui, sans-serif; }
svg .mark { font-size: 13px; font-weight: 600; }
.axis { stroke: var(--line); } .one { stroke: var(--soft); stroke-dasharray: 4 3; } .claimed { fill: none; stroke: var(--ink); stroke-width: 2; }
.measured { stroke-width: 3; } .measured.Confirmed { stroke: var(--good); fill: var(--good); }
.measured.Refuted { stroke: var(--bad); fill: var(--bad); } .measured.Inconclusive { stroke: var(--open); fill: var(--open); }
.mark.Confirmed { fill: var(--good); } .mark.Refuted { fill: var(--bad); } .mark.Inconclusive { fill: var(--open); }
.paper { display: none; }
code { font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
@page { margin: 14mm; }
@media print {
  body { font-size: 11px; line-height: 1.4; max-width: none; padding: 0; } h1 { font-size: 20px; } h2 { font-size: 13.5px; margin: 1rem 0 .3rem; padding-top: .6rem; }
  .lead { font-size: 14px; } th, td { padding: .15rem .3rem; } ul { padding-left: 1.5rem; }
  .paper { display: block; margin-top: 2.5rem; }
  section, tr, figure { break-inside: avoid; } h2 { break-after: avoid; }
  td { white-space: normal; } .text:not(.name), th[scope=row]:not(.name) { overflow-wrap: anywhere; } .wide, figure { overflow: visible; } svg { min-width: 0; }
}
"""
