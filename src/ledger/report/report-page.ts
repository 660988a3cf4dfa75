import { createHash } from 'node:crypto';
import { conclusionOf, describeRanges, oneLine, reportFacts, reportFigures } from './report-text.ts';
import type { SeriesReport } from './series-report.ts';

const STYLE = `@page{size:A4;margin:18mm}
body{font:11pt/1.4 system-ui,sans-serif;color:#111;background:#fff;max-width:174mm;margin:8mm auto}
h1{font-size:18pt;margin:0 0 4mm}h2{font-size:12pt;margin:6mm 0 2mm}
table{border-collapse:collapse;width:100%;page-break-inside:auto}tr{page-break-inside:avoid}
th,td{text-align:left;vertical-align:top;padding:1mm 2mm;border-bottom:.2mm solid #bbb;overflow-wrap:anywhere}
th{width:42%;font-weight:600}.n{text-align:right;font-variant-numeric:tabular-nums;width:auto}
.verdict{border:.5mm solid #111;padding:3mm;font-weight:700;margin:4mm 0}.bad{background:#fdd}
@media print{body{margin:0;max-width:none}}`;

/**
 * What the page may load: nothing, and only its own style, known by its hash.
 */
export const REPORT_PAGE_CSP = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox`;

/** Void runs of one reason on the page; the JSON form has more. */
const RUNS_SHOWN = 40;

/** The report as a page to print on A4: no scripts, nothing from elsewhere. */
export function reportPage(report: SeriesReport): string {
  const { complete, problems, voidReasons, missingRanges } = report;
  const parts = [
    `<p class="verdict${complete ? '' : ' bad'}">${escape(conclusionOf(report))}</p>`,
    tableOf(reportFacts(report).map(([label, value]) => row(label, value))),
    '<h2>Numbers</h2>',
    tableOf(reportFigures(report).map(([label, value]) => row(label, String(value), 'n'))),
  ];
  if (voidReasons.length > 0) {
    const rows = voidReasons.map(
      ({ reason, numbers, runs, ranges }) =>
        `<tr><th scope="row">${escape(oneLine(reason))}</th><td class="n">${numbers}</td><td>${escape(describeRanges(ranges, runs, RUNS_SHOWN))}</td></tr>`,
    );
    parts.push('<h2>Void, by reason</h2>', tableOf(rows));
  }
  if (missingRanges.length > 0)
    parts.push(
      '<h2>Missing</h2>',
      `<p>${escape(describeRanges(missingRanges, missingRanges.length, RUNS_SHOWN))}</p>`,
    );
  if (problems.length > 0)
    parts.push(
      '<h2>Problems</h2>',
      `<ul>${problems.map(text => `<li>${escape(oneLine(text))}</li>`).join('')}</ul>`,
    );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Completeness report ${escape(report.series)}</title>
<meta name="viewport" content="width=device-width"><style>${STYLE}</style></head>
<body><h1>Completeness report</h1>
${parts.join('\n')}
</body></html>
`;
}

function tableOf(rows: readonly string[]): string {
  return `<table><tbody>${rows.join('\n')}</tbody></table>`;
}

function row(label: string, value: string, style = ''): string {
  const cell = style === '' ? '<td>' : `<td class="${style}">`;
  return `<tr><th scope="row">${escape(label)}</th>${cell}${escape(value)}</td></tr>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escape(text: string): string {
  return text.replaceAll(/[&<>"']/g, character => ENTITIES[character]!);
}
