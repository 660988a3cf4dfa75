import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RequestHandler } from 'express';
import jsTokens from 'js-tokens';

/**
 * A script of the page without its comments and indentation, a fifth of what would travel otherwise. Line ends stay, so that the numbers of
 * lines are those of the file, and a line stays a line: what ends a statement is not touched.
 */
export function stripScript(source: string): string {
  let text = '';
  for (const token of jsTokens(source)) {
    switch (token.type) {
      case 'SingleLineComment':
        break;
      case 'MultiLineComment':
        // Within a line it stands between two tokens, which must not become one.
        text += token.value.replace(/[^\n]+/g, '') || ' ';
        break;
      case 'WhiteSpace':
        // Indentation; between tokens one blank is as good as many.
        if (text !== '' && !text.endsWith('\n')) text += ' ';
        break;
      default:
        text += token.value;
    }
  }
  return text;
}

/** Serves the page's scripts, stripped. Files are read anew each time: a page under development is reloaded, no more. */
export function serveScripts(directory: string): RequestHandler<{ name: string }> {
  return async (request, response, next) => {
    const { name } = request.params;
    if (!NAME.test(name)) {
      next();
      return;
    }
    const source = await readFile(join(directory, name), 'utf8').catch(() => undefined);
    if (source === undefined) {
      next();
      return;
    }
    const text = stripScript(source);
    const etag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`;
    response.set({ etag, 'cache-control': 'public, max-age=0' });
    if (request.fresh) response.status(304).end();
    else response.type('text/javascript').send(text);
  };
}

/** A file of the folder itself. */
const NAME = /^[a-z0-9-]+\.js$/;
