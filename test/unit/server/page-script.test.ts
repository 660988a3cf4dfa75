import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import jsTokens from 'js-tokens';
import { describe, expect, test } from 'vitest';
import { stripScript } from '../../../src/server/http/page-script.ts';

const PAGE = join(import.meta.dirname, '../../../dashboard/js');

/** What a program means, without what people read in it. */
function meaningOf(source: string): string[] {
  return [...jsTokens(source)]
    .filter(
      ({ type }) =>
        !['SingleLineComment', 'MultiLineComment', 'WhiteSpace', 'LineTerminatorSequence'].includes(type),
    )
    .map(({ value }) => value);
}

describe('stripScript', () => {
  test('drops comments and blanks, and keeps every line where it was', () => {
    const source =
      '/**\n * Says so.\n */\nexport function f(a, b) {\n  // why\n  return a / 2 > b; // half\n}\n';
    expect(stripScript(source)).toBe('\n\n\nexport function f(a,b){\n\nreturn a / 2>b;\n}\n');
  });

  test('touches nothing that only looks like a comment or like a blank', () => {
    const source =
      'const a = "// no";\nconst b = `\n   /* no */ ${a /* yes */ + 1}\n`;\nconst c = /[/] \\/*x/;\n';
    expect(stripScript(source)).toBe(
      'const a="// no";\nconst b=`\n   /* no */ ${a + 1}\n`;\nconst c=/[/] \\/*x/;\n',
    );
  });

  test('leaves a blank where two tokens would become one, or a comment', () => {
    const source = 'a + +b; a - --b; a / /b/.x; a / /* */ *b; 1 .toFixed(); typeof a; a ? .5 : 1; a < !--b;';
    const stripped = 'a + +b;a - --b;a / /b/.x;a / *b;1 .toFixed();typeof a;a?.5:1;a < !--b;';
    expect(stripScript(source)).toBe(stripped);
    expect(meaningOf(stripped)).toEqual(meaningOf(source));
  });

  test('leaves a statement that a comment of several lines ends where it ends', () => {
    expect(stripScript('a()/*\n*/b()')).toBe('a()\nb()');
    expect(stripScript('let/**/a')).toBe('let a');
  });

  test.each(readdirSync(PAGE))('%s means the same', file => {
    const source = readFileSync(join(PAGE, file), 'utf8');
    const stripped = stripScript(source);
    expect(meaningOf(stripped)).toEqual(meaningOf(source));
    expect(stripped.split('\n')).toHaveLength(source.split('\n').length);
  });
});
