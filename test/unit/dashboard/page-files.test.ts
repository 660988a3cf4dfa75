import { readdir, readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { stripScript } from '../../../src/server/http/page-script.ts';

const PAGE = new URL('../../../dashboard/', import.meta.url);
const UPLOT = new URL('../../../node_modules/uplot/dist/uPlot.iife.min.js', import.meta.url);
/** Not modules: loaded by script elements of their own. */
const SCRIPTS = new Set(['begin.js', 'main.js', 'theme-early.js']);
const GZIPPED_BYTES_MAX = 100 * 1024;

const html = await readFile(new URL('index.html', PAGE), 'utf8');
const scripts = (await readdir(new URL('js/', PAGE))).filter(name => name.endsWith('.js'));
const styles = (await readdir(new URL('css/', PAGE))).filter(name => name.endsWith('.css'));

function* addresses(attribute: string, pattern: RegExp) {
  for (const [, value = ''] of html.matchAll(new RegExp(`\\s${attribute}="([^"]*)"`, 'g')))
    if (pattern.test(value)) yield value;
}

describe('the page', () => {
  test('names each module once, so that none is found only when another one asks for it', () => {
    const preloads = [...html.matchAll(/<link rel="modulepreload" href="js\/([^"]+)"/g)].map(
      ([, name]) => name,
    );
    expect(new Set(preloads)).toEqual(new Set(scripts.filter(name => !SCRIPTS.has(name))));
    expect(preloads).toHaveLength(new Set(preloads).size);
  });

  test('names each style sheet once', () => {
    const links = [...addresses('href', /^css\//)].map(href => href.slice('css/'.length));
    expect(new Set(links)).toEqual(new Set(styles));
    expect(links).toHaveLength(styles.length);
  });

  test('has a module for each section', () => {
    const sections = [...html.matchAll(/<section\s+id="([^"]+)"/g)].map(([, id]) => `${id}.js`);
    expect(sections).toHaveLength(10);
    expect(scripts).toEqual(expect.arrayContaining(sections));
  });

  test('has nothing inline, and nothing from elsewhere', () => {
    expect(html).not.toMatch(/<style|\sstyle=|\son[a-z]+=/);
    expect(html).not.toMatch(/<script(?![^>]*\ssrc=)[^>]*>/);
    expect([...addresses('(?:src|href)', /^(?:[a-z]+:|\/)/)]).toEqual([]);
  });

  test('puts nothing in as markup', async () => {
    for (const name of scripts) {
      const source = await readFile(new URL(`js/${name}`, PAGE), 'utf8');
      expect(source, name).not.toMatch(
        /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function/,
      );
    }
  });

  test('has less than 100 KB of JavaScript as it is served, gzipped, with what draws the charts', async () => {
    const read = (url: URL) => readFile(url, 'utf8');
    const own = await Promise.all(
      scripts.map(async name => stripScript(await read(new URL(`js/${name}`, PAGE)))),
    );
    const bytes = [await read(UPLOT), ...own].reduce((sum, source) => sum + gzipSync(source).length, 0);
    expect(bytes).toBeLessThan(GZIPPED_BYTES_MAX);
  });
});
