import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, inject } from 'vitest';
import { PageWatch } from './page-watch.ts';

/** How a page is opened. */
export interface OpenOptions {
  /** Which node serves it, from 0; the first one if not said. */
  readonly node?: number;
  /** What follows `/dashboard/`, such as `#find=42`. */
  readonly at?: string;
  readonly context?: BrowserContextOptions;
  /** The tour of a first visit; else it is skipped by the address. */
  readonly tour?: boolean;
}

/** A page with what happened in it. */
export interface Opened {
  readonly page: Page;
  readonly watch: PageWatch;
}

/** The browser of one test file. */
export interface Browsing {
  /** Opens a page in a context of its own, and waits until it shows the live cluster. */
  open(options?: OpenOptions): Promise<Opened>;
}

const READY_TIMEOUT_MS = 20_000;

/**
 * Starts the browser for a test file. After each test its pages are closed, and the test fails if anything in them has
 * gone wrong or gone out that was not expected.
 */
export function useBrowser(): Browsing {
  const urls = inject('nodeUrls');
  let browser: Browser | undefined;
  let watches: PageWatch[] = [];

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: inject('chromium') });
  });
  afterEach(async () => {
    const used = watches;
    watches = [];
    await Promise.all(browser?.contexts().map(context => context.close()) ?? []);
    expect(used.flatMap(watch => watch.problems)).toEqual([]);
  });
  afterAll(() => browser?.close());

  return {
    async open({ node = 0, at = '', context: options = {}, tour = false } = {}) {
      if (browser === undefined) throw new Error('the browser has not started');
      const context = await browser.newContext({
        viewport: { width: 1280, height: 900 },
        reducedMotion: 'reduce',
        ...options,
      });
      await context.grantPermissions(['clipboard-read', 'clipboard-write']);
      const watch = new PageWatch(context, urls);
      watches.push(watch);
      const page = await context.newPage();
      page.setDefaultTimeout(15_000);
      await page.goto(`${urls[node]}/dashboard/${tour ? '' : '?tour=off'}${at}`);
      await whenLive(page);
      return { page, watch };
    },
  };
}

/** Waits until all panels are there and the stream is shown. */
export async function whenLive(page: Page): Promise<void> {
  await page.waitForSelector('html[data-ready="true"]', { timeout: READY_TIMEOUT_MS });
  await page.waitForSelector('[data-testid="connection"][data-state="live"]', { timeout: READY_TIMEOUT_MS });
}

/** Waits until a page has drawn what it knows by now. */
export async function whenPainted(page: Page): Promise<void> {
  await page.evaluate(`new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))`);
}

/**
 * Waits until an expression is true in a page, looking with each frame. Playwright's own `waitForFunction` evaluates
 * strings, which the page's policy refuses.
 */
export async function whenTrue(page: Page, expression: string, timeoutMs = 15_000): Promise<void> {
  await page.evaluate(`new Promise((resolve, reject) => {
    const deadline = performance.now() + ${timeoutMs};
    const look = () => {
      if (${expression}) resolve();
      else if (performance.now() > deadline) reject(new Error('waited ${timeoutMs} ms in vain'));
      else requestAnimationFrame(look);
    };
    look();
  })`);
}
