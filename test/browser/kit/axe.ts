import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';

const file = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

interface AxeResults {
  readonly violations: readonly {
    readonly id: string;
    readonly help: string;
    readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
  }[];
}

/** What axe-core finds wrong in a page, with its WCAG 2.2 and best-practice rules; each violation in a few lines. */
export async function violationsOf(page: Page): Promise<string[]> {
  // Evaluated, not added as a script element, which the page's policy refuses.
  if (!(await page.evaluate<boolean>(`'axe' in globalThis`)))
    await page.evaluate(await readFile(file, 'utf8'));
  const { violations } = await page.evaluate<AxeResults>(`axe.run({ resultTypes: ['violations'] })`);
  return violations.map(({ id, help, nodes }) =>
    [`${id}: ${help}`, ...nodes.slice(0, 5).map(node => `  ${node.html}\n    ${node.failureSummary}`)].join(
      '\n',
    ),
  );
}
