import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { RequestHandler } from 'express';
import jsTokens, { type Token } from 'js-tokens';

/** What never becomes another token, nor a comment, with what stands beside it. */
const CLEAR = /^(?:[()[\]{},;:?=&|>]|!=)/;

/**
 * A script of the page without its comments and the blanks that only people need: a quarter of what would travel otherwise. Line ends stay,
 * so that the numbers of lines are those of the file, and a line stays a line: what ends a statement is not touched.
 */
export function stripScript(source: string): string {
  let text = '';
  /** Of the line so far, the last token; and whether there was a blank after it. */
  let before: Token | undefined;
  let blank = false;
  for (const token of jsTokens(source)) {
    const lineEnds = isGap(token) ? token.value.replace(/[^\n]+/g, '') : '';
    if (lineEnds !== '') {
      text += lineEnds;
      before = undefined;
    } else if (isGap(token)) {
      blank = true;
      continue;
    } else {
      if (blank && before !== undefined && !isClear(before) && !isClear(token)) text += ' ';
      text += token.value;
      before = token;
    }
    blank = false;
  }
  return text;
}

function isGap({ type }: Token): boolean {
  return /Comment$|^WhiteSpace$|^LineTerminatorSequence$/.test(type);
}

function isClear({ type, value }: Token): boolean {
  return type === 'Punctuator' && CLEAR.test(value);
}

interface Served {
  readonly version: string;
  readonly text: string;
  readonly etag: string;
}

/** Serves the page's scripts, stripped. A file that has changed is read anew: a page under development is reloaded, no more. */
export function serveScripts(directory: string): RequestHandler<{ name: string }> {
  // To strip a file takes milliseconds in which no number is issued.
  const known = new Map<string, Served>();
  return async (request, response, next) => {
    const { name } = request.params;
    if (!NAME.test(name)) {
      next();
      return;
    }
    const served = await readScript(join(directory, name), known.get(name)).catch(() => undefined);
    if (served === undefined) {
      next();
      return;
    }
    known.set(name, served);
    response.set({ etag: served.etag, 'cache-control': 'public, max-age=0' });
    if (request.fresh) response.status(304).end();
    else response.type('text/javascript').send(served.text);
  };
}

/** The file as it is served; `known` when that is of the same version. @throws the system's error when there is none */
async function readScript(path: string, known: Served | undefined): Promise<Served> {
  const { mtimeMs, size } = await stat(path);
  const version = `${mtimeMs} ${size}`;
  if (known?.version === version) return known;
  const text = stripScript(await readFile(path, 'utf8'));
  const etag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`;
  return { version, text, etag };
}

/** A file of the folder itself. */
const NAME = /^[a-z0-9-]+\.js$/;
