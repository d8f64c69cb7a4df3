#pragma once

#include <string_view>

namespace bench::results {

// How a page and its plots look, by day and by night. The series' colours differ in lightness too,
// so that they can be told apart without their hues.
inline constexpr std::string_view kPageStyle = R"css(
:root{color-scheme:light dark}
*{box-sizing:border-box}
body{margin:0 auto;padding:2.2rem 1.4rem 4rem;max-width:1180px;background:#f7f7f5;color:#1d2126;
 font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
h1{font-size:1.5rem;line-height:1.25;margin:0 0 .35rem;font-weight:650;letter-spacing:-.01em}
h2{font-size:1rem;margin:0;font-weight:620}
p{margin:.25rem 0}
.lead{max-width:62rem;color:#3c434b}
.warning{border-left:3px solid #d97706;background:#fdf3e3;padding:.5rem .8rem;margin:.8rem 0;
 border-radius:0 6px 6px 0}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(140px,1fr));gap:.7rem;
 margin:1.3rem 0}
.tile,.card{background:#fff;border:1px solid #e4e4df;border-radius:10px}
.tile{padding:.7rem .9rem}
.tile b{display:block;font-size:1.4rem;font-weight:640;letter-spacing:-.02em;
 font-variant-numeric:tabular-nums}
.tile span{color:#676f78;font-size:.82rem}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,500px),1fr));gap:.9rem}
.card{padding:.9rem 1rem .7rem;min-width:0}
.card p{color:#676f78;font-size:.85rem;min-height:2.6em}
.card.wide{margin-top:.9rem;overflow-x:auto}
svg{display:block;width:100%;height:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:.9rem}
th,td{padding:.32rem .6rem;text-align:right;border-bottom:1px solid #ececeb;white-space:nowrap}
th{color:#676f78;font-weight:550}
th:first-child,td:first-child,td.text{text-align:left}
td.text{white-space:normal;overflow-wrap:anywhere}
tr:last-child td{border-bottom:0}
code{font:.86em ui-monospace,"SF Mono",Menlo,Consolas,monospace}
footer{margin-top:1.2rem;color:#676f78;font-size:.82rem}
.grid{stroke:#e9e9e4;stroke-width:1;fill:none}
.faint{stroke:#f1f1ed}
.axis{stroke:#b9bdc1;stroke-width:1;fill:none}
.tick,.legend,.label{font-size:11px;fill:#676f78}
.legend{font-size:11.5px;fill:#3c434b}
.end{text-anchor:end}
.middle{text-anchor:middle}
.line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
.minor{stroke-width:1.1;opacity:.75}
.dot{stroke:none;opacity:.8}
.hit{opacity:0;stroke:none}
.hit:hover{opacity:1}
.swatch{stroke-width:4}
.d1{stroke-dasharray:7 4}
.d2{stroke-dasharray:2 4}
.d3{stroke-dasharray:9 3 2 3}
.c0.line{stroke:#1f5fbf}.c0.dot,.c0.hit{fill:#1f5fbf}
.c1.line{stroke:#d4700a}.c1.dot,.c1.hit{fill:#d4700a}
.c2.line{stroke:#0b8a77}.c2.dot,.c2.hit{fill:#0b8a77}
.c3.line{stroke:#b3246b}.c3.dot,.c3.hit{fill:#b3246b}
.c4.line{stroke:#7b62c9}.c4.dot,.c4.hit{fill:#7b62c9}
.c5.line{stroke:#8b939b}.c5.dot,.c5.hit{fill:#8b939b}
@media (prefers-color-scheme:dark){
body{background:#121417;color:#e4e6e8}
.lead{color:#b9bfc6}
.warning{background:#2b2113;border-color:#e39a3b}
.tile,.card{background:#1a1d21;border-color:#2a2e33}
.tile span,.card p,th,footer{color:#949ca5}
th,td{border-color:#272b30}
.grid{stroke:#2a2e33}
.faint{stroke:#22262a}
.axis{stroke:#565d65}
.tick,.label{fill:#949ca5}
.legend{fill:#c7ccd2}
.c0.line{stroke:#6ea8fe}.c0.dot,.c0.hit{fill:#6ea8fe}
.c1.line{stroke:#f5a54a}.c1.dot,.c1.hit{fill:#f5a54a}
.c2.line{stroke:#4fc9b5}.c2.dot,.c2.hit{fill:#4fc9b5}
.c3.line{stroke:#ee7fb5}.c3.dot,.c3.hit{fill:#ee7fb5}
.c4.line{stroke:#b3a1f0}.c4.dot,.c4.hit{fill:#b3a1f0}
.c5.line{stroke:#7b838b}.c5.dot,.c5.hit{fill:#7b838b}
}
@media print{.tile,.card{break-inside:avoid}}
)css";

}  // namespace bench::results
