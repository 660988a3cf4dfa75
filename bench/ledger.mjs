// `npm run bench:ledger`: what the ledger in PostgreSQL keeps up with. Each part is measured by itself; without a name all are.

import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { ensureBuild } from '../scripts/lib/build.mjs';
import { runBounded } from './lib/bounded-main.mjs';
import { measureHistory } from './lib/ledger/measure-history.mjs';
import { measureProjection } from './lib/ledger/measure-projection.mjs';
import { whole } from './lib/options.mjs';
import { makeScratch } from './lib/scratch.mjs';
import { textTable } from './lib/text-table.mjs';

/**
 * @typedef {object} LedgerBenchOptions
 * @property {string} directory on a disk, deleted afterwards
 * @property {number} numbers
 * @property {(line: string) => void} log
 */

/**
 * @typedef {object} LedgerBenchResult
 * @property {string} title
 * @property {string[][]} rows a table, its header first
 * @property {boolean} well
 * @property {object} figures
 */

/** @type {Readonly<Record<string, (options: LedgerBenchOptions) => Promise<LedgerBenchResult>>>} */
const PARTS = { history: measureHistory, projection: measureProjection };

const USAGE = `npm run bench:ledger -- [part ...] [options]
  parts: ${Object.keys(PARTS).join(', ')} (default: all)
  --numbers N   how many numbers the ledger has (10000000)
  --quick       a hundredth of that: does it still work?
  --json FILE   write all figures`;

const TIMEOUT_MS = 1_800_000;

/** @param {string} line */
const progress = line => process.stderr.write(`${line}\n`);
/** @param {string} [text] */
const print = (text = '') => process.stdout.write(`${text}\n`);

/** @param {{ parts: string[], numbers: number, json: string | undefined }} options @returns {Promise<boolean>} */
async function main({ parts, numbers, json }) {
  await ensureBuild(progress);
  /** @type {Record<string, object>} */
  const figures = {};
  let well = true;
  for (const part of parts) {
    const run = PARTS[part];
    if (run === undefined) throw new Error(`there is no part ${part}\n${USAGE}`);
    const directory = await makeScratch(`ledger-${part}`);
    const result = await run({ directory, numbers, log: progress });
    print(`\n${result.title}; ${availableParallelism()} cores\n`);
    print(textTable(result.rows));
    figures[part] = result.figures;
    well &&= result.well;
  }
  if (json !== undefined)
    await writeFile(
      json,
      `${JSON.stringify({ at: new Date().toISOString(), numbers, ...figures }, undefined, 2)}\n`,
    );
  return well;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    numbers: { type: 'string' },
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  print(USAGE);
} else {
  const numbers = whole('--numbers', values.numbers ?? (values.quick ? '100000' : '10000000'));
  const parts = positionals.length === 0 ? Object.keys(PARTS) : positionals;
  await runBounded(TIMEOUT_MS, () => main({ parts, numbers, json: values.json }));
}
