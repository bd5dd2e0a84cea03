"""The style of a page: colours for light and dark, and one sheet for screen, phone and paper.

Colours are data so that a test can compute their contrast: at least 4.5 to 1 for text and 3 to 1
for the marks of charts (WCAG 2.2, 1.4.3 and 1.4.11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LIGHT = {
    "paper": "#f5f4f0",
    "panel": "#ffffff",
    "stripe": "#faf9f6",
    "ink": "#1b2230",
    "quiet": "#586173",
    "rule": "#dfddd5",
    "strong-rule": "#b9b6ab",
    "accent": "#a8321f",
    "on-accent": "#ffffff",
    "shade": "#1b223026",
    "s0": "#1f5fae",
    "s1": "#cf5a2e",
    "s2": "#24866a",
    "s3": "#8b55a8",
    "s4": "#a67a0c",
    "s5": "#26899c",
    "s6": "#8a4b52",
    "s7": "#6c7482",
}
DARK = {
    "paper": "#101319",
    "panel": "#181d26",
    "stripe": "#1c222c",
    "ink": "#e9ebf1",
    "quiet": "#a4adbd",
    "rule": "#2c3441",
    "strong-rule": "#485263",
    "accent": "#f08a76",
    "on-accent": "#2a0f09",
    "shade": "#00000080",
    "s0": "#6aa5f0",
    "s1": "#f0895c",
    "s2": "#54bd9b",
    "s3": "#c08fdc",
    "s4": "#d9b04a",
    "s5": "#57bcd0",
    "s6": "#d58d95",
    "s7": "#9aa3b2",
}
SERIES = tuple(name for name in LIGHT if name.startswith("s") and name[1:].isdigit())

_DASHES = ("none", "7 4", "2 3", "9 3 2 3", "4 4", "12 4", "1 4", "6 2 2 2")

_SHEET = """
*,*::before,*::after{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.6 system-ui,-apple-system,
"Segoe UI","PingFang SC","Hiragino Sans GB","Microsoft YaHei","Noto Sans CJK SC","Noto Sans SC",
sans-serif}
.page{max-width:1180px;margin:0 auto;padding:36px 28px 56px}
h1,h2,h3,p,ul,dl,dd,figure{margin:0;padding:0}
h1,h2,h3{line-height:1.3;text-wrap:balance}
[lang=en]{color:var(--quiet);font-weight:400}
.masthead{display:flex;gap:18px;align-items:flex-start;margin-bottom:26px}
.seal{flex:none;display:grid;place-items:center;width:54px;height:54px;border-radius:9px;
background:var(--accent);color:var(--on-accent);font-size:31px;line-height:1;
font-family:"Songti SC",STSong,SimSun,"Noto Serif CJK SC","Noto Serif SC",serif}
h1{font-size:27px;letter-spacing:.01em}
h1 [lang=en]{display:block;font-size:16px;margin-top:3px}
.subtitle{margin-top:9px;max-width:74ch}
.subtitle [lang=en]{display:block;font-size:13.5px}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(188px,1fr));gap:12px 28px;
padding:14px 0 16px;margin-bottom:26px;border-top:2px solid var(--accent);
border-bottom:1px solid var(--rule)}
.facts dt{font-size:12.5px;color:var(--quiet)}
.facts dd{font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(206px,1fr));gap:14px;
margin:0 0 14px;padding:0;list-style:none}
.panel{background:var(--panel);border:1px solid var(--rule);border-radius:10px}
.card{min-width:0;padding:15px 18px 16px}
.card .name{font-size:14px}
.card .name [lang=en]{display:block;font-size:12px;line-height:1.35}
.card .figure{margin-top:9px;font-size:27px;line-height:1.25;font-weight:600;
font-variant-numeric:tabular-nums;letter-spacing:-.01em;white-space:nowrap}
.card .figure small{font-size:.62em;font-weight:500;margin-right:.14em;color:var(--quiet)}
.card .endless{font-size:19px;white-space:normal;overflow-wrap:anywhere}
.card .note{margin-top:5px;font-size:12.5px;line-height:1.45;color:var(--quiet)}
.card .note [lang=en]{display:block}
@media (min-width:900px),print{
.cards.by3{grid-template-columns:repeat(3,1fr)}
.cards.by4{grid-template-columns:repeat(4,1fr)}
.cards.by5{grid-template-columns:repeat(5,1fr)}
.cards.by5 .middling,.cards.by5 .long{font-size:21px}
.cards.by4 .long{font-size:21px}
}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,440px),1fr));gap:14px}
.chart{display:flex;flex-direction:column;padding:18px 20px 14px;min-width:0;
container:chart/inline-size}
.chart:last-child:nth-child(odd){grid-column:1/-1}
h2{font-size:19px;margin:38px 0 13px}
h2 [lang=en]{font-size:14px;margin-left:3px}
h3{font-size:16px}
h3 [lang=en]{font-size:13px;margin-left:3px}
.quiet{margin-top:3px;color:var(--quiet);font-size:13px;line-height:1.5}
.quiet [lang=en]{display:block;font-size:12.5px}
.key{display:flex;flex-wrap:wrap;gap:4px 20px;justify-content:space-between;
align-items:baseline;margin:11px 0 5px;font-size:12.5px}
.legend{display:flex;flex-wrap:wrap;gap:3px 16px;list-style:none}
.swatch{display:inline-block;width:11px;height:11px;border-radius:3px;margin-right:6px;
vertical-align:-1px}
.unit{color:var(--quiet)}
.empty{padding:44px 0;text-align:center;color:var(--quiet)}
svg{display:block;width:100%;height:auto;margin-top:auto;overflow:visible}
svg.narrow,svg.wide{display:none}
svg text{fill:var(--quiet);font-size:11.5px;font-variant-numeric:tabular-nums}
svg .tick{text-anchor:end}
svg .label{text-anchor:middle}
svg .grid{stroke:var(--rule);stroke-width:1;shape-rendering:crispEdges}
svg .zero{stroke:var(--strong-rule);stroke-width:1;shape-rendering:crispEdges}
svg .bar{stroke:var(--panel);stroke-width:.7}
svg .thin{stroke:none}
svg .bar:hover{opacity:.78}
svg .line{fill:none;stroke-width:2.2;stroke-linejoin:round;stroke-linecap:round}
svg .area{opacity:.12}
svg .dot{stroke:var(--panel);stroke-width:1.4}
svg .ghost{opacity:0}
svg .ghost:hover{opacity:1}
details{margin-top:9px;border-top:1px solid var(--rule);padding-top:8px}
summary{cursor:pointer;font-size:13px;color:var(--quiet);padding:3px 0}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.sheet{padding:0;margin-bottom:14px;min-width:0;overflow:hidden}
.scroll{overflow-x:auto;max-width:100%;
background:linear-gradient(to left,var(--panel) 30%,transparent)
right/42px 100% no-repeat local,linear-gradient(to left,var(--shade),transparent) right/16px 100%
no-repeat scroll}
.chart .scroll{max-height:320px;overflow-y:auto;margin-top:6px}
table{border-collapse:separate;border-spacing:0;width:100%;font-size:13.5px;line-height:1.45}
caption{text-align:left;padding:15px 18px 11px;font-size:16px;font-weight:600}
caption .title{position:sticky;left:18px;display:inline-block;
max-width:min(100%,calc(100vw - 70px))}
caption [lang=en]{font-size:13px}
caption .rows{color:var(--quiet);font-size:12.5px;font-weight:400;white-space:nowrap}
.figures caption{font-size:13px;padding:7px 10px}
th,td{padding:7px 13px;text-align:left;vertical-align:top;border-bottom:1px solid var(--rule);
unicode-bidi:isolate}
th:first-child,td:first-child{padding-left:18px}
th:last-child,td:last-child{padding-right:18px}
thead th,thead td{vertical-align:bottom;background:var(--stripe);font-weight:600;
border-top:1px solid var(--rule);border-bottom:1px solid var(--strong-rule);white-space:nowrap}
thead [lang=en]{display:block;font-size:11.5px;line-height:1.3;white-space:normal;
min-width:max-content}
tbody th{font-weight:500}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.t{min-width:14em;max-width:26em;overflow-wrap:break-word}
.s{white-space:nowrap}
tbody .i{font-family:ui-monospace,"SF Mono",Menlo,Consolas,monospace;font-size:12.5px;
white-space:nowrap}
.i{white-space:nowrap}
.d{white-space:nowrap;font-variant-numeric:tabular-nums}
.sheet th:first-child,.sheet tfoot td:first-child{position:sticky;left:0;z-index:1;
background:var(--panel)}
.sheet thead th:first-child{background:var(--stripe)}
tbody tr:last-child>*{border-bottom:0}
tfoot td,tfoot th{font-weight:600;border-top:1px solid var(--strong-rule);border-bottom:0;
background:var(--stripe)}
.sheet tfoot th:first-child,.sheet tfoot td:first-child{background:var(--stripe)}
tbody tr:hover>*{background:var(--stripe)}
.formulas{padding:16px 18px 18px}
.formulas dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,330px),1fr));
gap:14px 30px;font-size:13px;line-height:1.5}
.formulas dt{font-weight:500}
.formulas dd [lang=en]{display:block;font-size:12px}
.formulas dt [lang=en]{font-size:12px}
.notes{padding:15px 18px 16px 36px}
.notes li{margin:0 0 8px}
.notes li:last-child{margin:0}
.notes [lang=en]{display:block;font-size:13px}
@media (max-width:640px){
.page{padding:20px 14px 36px}
.masthead{gap:12px;margin-bottom:18px}
.seal{width:42px;height:42px;font-size:24px;border-radius:7px}
h1{font-size:21px}
h1 [lang=en]{font-size:14px}
.facts{grid-template-columns:1fr 1fr;gap:10px 16px;margin-bottom:18px}
.cards{grid-template-columns:1fr 1fr;gap:9px}
.card{padding:12px 13px 13px}
.card .figure{font-size:24px}
.card .middling{font-size:16px}
.card:has(.long),.card:has(.endless){grid-column:1/-1}
.card .endless{font-size:19px}
.chart{padding:15px 13px 11px}
h3 [lang=en]{display:block;margin-left:0}
th,td{padding:7px 10px}
th:first-child,td:first-child{padding-left:13px}
caption{padding:13px 13px 10px}
caption .title{left:13px}
.sheet th.t:first-child{max-width:40vw;overflow-wrap:anywhere;min-width:0}
.sheet th.i:first-child{position:static;max-width:none;white-space:nowrap}
.formulas{padding:13px}
.notes{padding:13px 13px 13px 30px}
}
@media (max-width:359px){.cards{grid-template-columns:1fr}}
@container chart (min-width:780px){svg.medium{display:none}svg.wide{display:block}}
@container chart (max-width:400px){svg.medium{display:none}svg.narrow{display:block}}
@media (prefers-reduced-motion:no-preference){svg .bar{transition:opacity .12s}}
@media print{
@page{size:A4 landscape;margin:12mm}
@page wide{size:A3 landscape;margin:12mm}
body{background:none;print-color-adjust:exact;-webkit-print-color-adjust:exact}
.page{max-width:none;padding:0 2px;zoom:.72}
.sheet.many{page:wide}
.sheet.many table{zoom:.76}
.panel{border-radius:0}
.charts{grid-template-columns:1fr 1fr}
.card,.chart,tr,.formulas dl>div,.notes li{break-inside:avoid}
h2,caption{break-after:avoid}
.sheet,.scroll{overflow:visible;background:none}
.chart svg.medium{display:block}
.chart svg.wide,.chart svg.narrow{display:none}
.sheet th:first-child,.sheet tfoot td:first-child{position:static}
details{display:none}
th,td{padding:6px 8px}
thead th{white-space:normal}
thead [lang=en]{min-width:0}
.t{min-width:8em}
.many th,.many td{padding:6px}
}
"""


def stylesheet() -> str:
    """The whole sheet; paper always gets the light colours."""
    series = "".join(
        f".{name}{{fill:var(--{name})}}.k{index}{{background:var(--{name})}}"
        f".l{index}{{stroke:var(--{name});stroke-dasharray:{_DASHES[index]}}}"
        for index, name in enumerate(SERIES)
    )
    dark = f"@media screen and (prefers-color-scheme:dark){{:root{{{_variables(DARK)}}}}}"
    return f":root{{color-scheme:light dark;{_variables(LIGHT)}}}{dark}{series}{_SHEET}"


def _variables(colours: Mapping[str, str]) -> str:
    return "".join(f"--{name}:{colour};" for name, colour in colours.items())
