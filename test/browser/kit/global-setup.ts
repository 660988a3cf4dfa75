import type { TestProject } from 'vitest/node';
import { ensureBuild } from '../../../scripts/lib/build.mjs';
import { ensureChromium } from '../../../scripts/lib/chromium.mjs';
import { startScratchPoc } from '../../../scripts/poc/scratch-poc.mjs';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The browser program. */
    chromium: string;
    /** The nodes of the one demonstration that all tests of the project share, in the order of their ports. */
    nodeUrls: string[];
    /** The demonstration's run file, with process ids. */
    runFile: string;
  }
}

/** Starts one demonstration as a user does; vitest calls what it returns at the end, failed tests or not. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const log = (line: string): void => console.log(`[browser] ${line}`);
  const { bin, version } = await ensureChromium({ log });
  await ensureBuild(log);
  const started = performance.now();
  const poc = await startScratchPoc();
  const tookMs = Math.round(performance.now() - started);
  log(`Chromium ${version}; a demonstration with ${poc.urls.length} nodes is ready after ${tookMs} ms`);
  project.provide('chromium', bin);
  project.provide('nodeUrls', [...poc.urls]);
  project.provide('runFile', poc.runFile);
  return () => poc.stop();
}
