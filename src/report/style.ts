/** The report's style: laid out for a phone first; light or dark, as the reader's system is. */
import { Html } from './html.js';

// Blue and vermilion of Okabe and Ito (Color Universal Design, 2008), which all kinds of colour vision tell apart; lighter
// on dark. Lines differ in their dashes, too.
export const style = new Html(`
:root{--ground:#f6f3ec;--card:#fffdf8;--ink:#211d18;--soft:#625a4f;--line:#e2dacb;--first:#0064a3;--second:#c44e00;--good:#0064a3;--bad:#c44e00;
--serif:'Iowan Old Style','Palatino Linotype',Palatino,Charter,Georgia,serif;
--sans:ui-sans-serif,system-ui,-apple-system,'Segoe UI',Roboto,'Liberation Sans',sans-serif;
--mono:ui-monospace,'SF Mono',Menlo,Consolas,'Liberation Mono',monospace}
@media (prefers-color-scheme:dark){:root{--ground:#131210;--card:#1b1916;--ink:#f1eadf;--soft:#b0a595;--line:#35302a;--first:#6cbcf0;--second:#f0a04b;--good:#6cbcf0;--bad:#f0a04b}}
*{box-sizing:border-box;margin:0}
html{-webkit-text-size-adjust:100%}
body{max-width:70rem;margin:0 auto;padding:1.5rem 1rem 3rem;background:var(--ground);color:var(--ink);font:1rem/1.5 var(--sans)}
@media (min-width:48rem){body{padding:2.5rem 2rem 4rem}}
header{display:grid;grid-template-columns:auto 1fr;gap:0 .8rem;align-items:center;margin-bottom:1.5rem}
.mark{width:2.6rem;fill:var(--second)}.mark path{stroke:var(--ground);stroke-width:1.4;stroke-linecap:round}.mark .eye{fill:var(--ground)}
h1{font:500 1.7rem/1.15 var(--serif);letter-spacing:-.01em;overflow-wrap:anywhere}
header p{grid-column:2;color:var(--soft);font-size:.9rem}
h2{font:500 1.25rem/1.2 var(--serif);margin:0 0 .4rem}
section{margin-top:2.25rem}
section>p{color:var(--soft);max-width:44rem;margin-bottom:.75rem}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:.75rem}
.figures div{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:.7rem .85rem;display:flex;flex-direction:column-reverse;justify-content:flex-end}
.figures dt{color:var(--soft);font-size:.82rem;line-height:1.3}
.figures dd{font:500 1.45rem/1.2 var(--serif);font-variant-numeric:tabular-nums}
.plots{display:grid;grid-template-columns:minmax(0,1fr);gap:1rem;align-items:start}
@media (min-width:48rem){.plots{grid-template-columns:repeat(2,minmax(0,1fr))}}
figure{min-width:0}
.card{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:.85rem}
figcaption{display:flex;flex-wrap:wrap;justify-content:space-between;gap:.1rem 1rem;font-weight:600;margin-bottom:.4rem}
.legend{display:flex;gap:1rem;list-style:none;padding:0;font-weight:400;font-size:.85rem;color:var(--soft)}
.legend li{display:flex;align-items:center;gap:.4rem}.legend svg{width:1.9rem;height:.6rem}
svg{display:block;width:100%;height:auto;font-family:var(--sans)}
.grid{stroke:var(--line)}.base,.notch{stroke:var(--soft)}
.tick{font-size:11.5px;fill:var(--soft);font-variant-numeric:tabular-nums}.name{font-size:12px;fill:var(--soft)}
@media (max-width:48rem){.tick{font-size:13.5px}.name{font-size:14px}}
polyline,line.first,line.second{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
polyline.first,line.first{stroke:var(--first)}polyline.second,line.second{stroke:var(--second);stroke-dasharray:6 4}
circle.first{fill:var(--first)}circle.second{fill:var(--card);stroke:var(--second);stroke-width:2}
circle.faint{fill-opacity:.45}
details{margin-top:.6rem;font-size:.9rem}
summary{cursor:pointer;color:var(--soft)}summary:hover{color:var(--ink)}
:focus-visible{outline:2px solid var(--first);outline-offset:2px;border-radius:.2rem}
.scroll{overflow-x:auto;max-width:100%}details .scroll{max-height:22rem;overflow-y:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.9rem;width:100%}
caption{text-align:left;color:var(--soft);font-size:.85rem;padding:.3rem 0}
th,td{padding:.3rem .6rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:baseline}
thead th{font-weight:600;color:var(--soft);font-size:.82rem;white-space:nowrap}
tbody th{font-weight:400}
.number{text-align:right;white-space:nowrap}
.matrix table{width:auto;white-space:nowrap}.matrix th{font-weight:600}
.matrix td{text-align:center;min-width:2.5rem;border:2px solid var(--card);border-radius:.3rem;padding:.35rem .4rem;--tint:var(--bad);background:color-mix(in oklab,var(--tint) calc(var(--share)*78%),transparent)}
.matrix td.right{--tint:var(--good)}.matrix td.deep{color:var(--card)}.matrix td.zero{color:var(--soft)}
.matrix td.score{background:none;color:var(--soft);text-align:right;border:0}
.samples{display:grid;grid-template-columns:repeat(3,1fr);gap:.6rem;margin:.5rem 0 1.25rem;padding:0;list-style:none}
@media (min-width:48rem){.samples{grid-template-columns:repeat(6,1fr);gap:.75rem}}
.samples li{background:var(--card);border:1px solid var(--line);border-radius:.6rem;overflow:hidden;font-size:.85rem}
.samples img{display:block;width:100%;aspect-ratio:1;object-fit:contain;image-rendering:pixelated;background:#000}
.samples p{padding:.4rem .55rem .5rem;line-height:1.35}
.samples strong{font:500 1.05rem/1.2 var(--serif);display:block;overflow-wrap:anywhere}
.wrong strong{color:var(--bad)}.samples span{color:var(--soft)}
h3{font-size:.95rem;font-weight:600;margin-top:1rem}
.environment dl{display:grid;grid-template-columns:minmax(6rem,auto) 1fr;gap:.35rem 1rem;font-size:.9rem}
.environment dt{color:var(--soft)}.environment dd{overflow-wrap:anywhere;min-width:0}.environment code{font:.88em/1.5 var(--mono)}
.none{color:var(--soft)}
footer{margin-top:2.5rem;color:var(--soft);font-size:.85rem}
@media print{body{max-width:none;padding:0}section,figure,.card{break-inside:avoid}}
`);
