import { readFileSync } from 'node:fs';
import {
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
  type Document,
  type Pair,
} from 'yaml';
import type { ConfigIssue } from './config-error.ts';
import type { Entry, Layer, Position } from './layer.ts';
import { isSection, leafByPath, rootSection, type Section } from './leaves.ts';
import { showValue } from './secrets.ts';
import { suggestKey } from './suggest.ts';

/** A configuration file: where it is, and how messages call it. */
export interface ConfigFile {
  readonly path: string;
  readonly name: string;
}

/** The settings of one YAML file. A repeated key is a mistake, but the rest of the file is still read. */
export function readYamlLayer(file: ConfigFile): Layer {
  const source = `file:${file.name}`;
  let text: string;
  try {
    text = readFileSync(file.path, 'utf8');
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code;
    const message = reason === 'ENOENT' ? 'file does not exist' : `file cannot be read (${reason})`;
    return { entries: [], issues: [{ code: 'file', path: file.name, message, source }], unreadable: true };
  }
  return parseYamlLayer(text, source);
}

/** As `readYamlLayer`, from the text itself. */
export function parseYamlLayer(text: string, source: string): Layer {
  const lines = new LineCounter();
  // Pretty errors would quote the line, and with it a password.
  const document = parseDocument(text, { prettyErrors: false, lineCounter: lines, stringKeys: true });
  const issues: ConfigIssue[] = [];
  let broken = false;
  const report = (message: string, offset: number): void => {
    issues.push({ code: 'yaml-syntax', path: '', message, source, ...positionAt(lines, offset) });
  };
  for (const error of document.errors) {
    broken ||= error.code !== 'DUPLICATE_KEY';
    report(yamlMessage(error), error.pos[0]);
  }
  for (const warning of document.warnings) report(yamlMessage(warning), warning.pos[0]);
  visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document) !== undefined) return;
      broken = true;
      report(`alias *${alias.source} has no anchor before it`, alias.range?.[0] ?? 0);
    },
  });
  if (broken) return { entries: [], issues, unreadable: true };

  const walker: Walker = {
    source,
    entries: [],
    issues,
    positionOf: keys => positionOf(document, lines, keys),
  };
  try {
    walk(walker, rootSection, document.toJS() as unknown, []);
  } catch (error) {
    report(error instanceof Error ? error.message : String(error), 0); // too many aliases
    return { entries: [], issues, unreadable: true };
  }
  return { entries: walker.entries, issues };
}

interface Walker {
  readonly source: string;
  readonly entries: Entry[];
  readonly issues: ConfigIssue[];
  readonly positionOf: (keys: readonly PropertyKey[]) => Position | undefined;
}

function walk(walker: Walker, section: Section, value: unknown, keys: readonly string[]): void {
  if (value === null || value === undefined) return; // a section whose keys are all commented out
  const { source } = walker;
  if (typeof value !== 'object' || Array.isArray(value)) {
    const message = `must be a section with ${[...section.children.keys()].join(', ')}`;
    const found = showValue(value, value);
    const position = walker.positionOf(keys);
    walker.issues.push({
      code: 'invalid-value',
      path: section.path,
      message,
      found,
      source,
      ...position,
    });
    return;
  }
  for (const [key, item] of Object.entries(value)) {
    const child = section.children.get(key);
    const childKeys = [...keys, key];
    if (child === undefined) {
      walker.issues.push(unknownKey(walker, section, key, childKeys));
    } else if (isSection(child)) {
      walk(walker, child, item, childKeys);
    } else {
      walker.entries.push({
        leaf: child,
        value: item,
        source,
        positionOf: rest => walker.positionOf([...childKeys, ...rest]),
      });
    }
  }
}

function unknownKey(walker: Walker, section: Section, key: string, keys: readonly string[]): ConfigIssue {
  const path = section.path === '' ? key : `${section.path}.${key}`;
  const dotted = key.includes('.') && leafByPath.has(path);
  const suggestion = dotted ? undefined : suggestKey(key, section);
  return {
    code: 'unknown-key',
    path,
    message: dotted ? 'must be written as nested keys, not with dots' : 'unknown key',
    source: walker.source,
    ...walker.positionOf(keys),
    ...(suggestion !== undefined && { suggestion }),
  };
}

function yamlMessage({ code, message }: { code: string; message: string }): string {
  if (code === 'DUPLICATE_KEY') return 'this key occurs twice in the same section';
  if (code === 'MULTIPLE_DOCS') return 'the file must hold one YAML document only';
  // Some messages quote the file, which may hold a password.
  return `not valid YAML: ${message.includes('@') ? code : message}`;
}

/** The place of the deepest part of `keys` that the file has: the key of a map, or an item of a list. */
function positionOf(
  document: Document,
  lines: LineCounter,
  keys: readonly PropertyKey[],
): Position | undefined {
  let node: unknown = document.contents;
  let offset: number | undefined = isNode(node) ? node.range?.[0] : undefined;
  for (const key of keys) {
    if (isMap(node)) {
      const pair: Pair | undefined = node.items.find(item => isScalar(item.key) && item.key.value === key);
      if (pair === undefined) break;
      if (isNode(pair.key)) offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof key === 'number') {
      node = node.items[key];
      if (isNode(node)) offset = node.range?.[0] ?? offset;
    } else {
      break;
    }
  }
  return offset === undefined ? undefined : positionAt(lines, offset);
}

function positionAt(lines: LineCounter, offset: number): Position {
  const { line, col } = lines.linePos(offset);
  return { line, column: col };
}
