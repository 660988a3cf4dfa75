import { parseDocument } from 'yaml';
import type { Leaf } from './leaves.ts';

/** A text from the environment or a flag as the setting's type, or what it must be; text that is not of the type stays text. */
export type TextValue = { readonly value: unknown } | { readonly problem: string };

/**
 * Reads a setting written as text: lists are comma separated, sites and maps are JSON, `null` or nothing means
 * null where that is allowed. Nothing is guessed: `yes` is no boolean and `8080.0` no whole number.
 */
export function parseText(leaf: Leaf, text: string): TextValue {
  const trimmed = text.trim();
  if (leaf.nullable && (trimmed === '' || trimmed === 'null')) return { value: null };
  switch (leaf.kind) {
    case 'number':
      // Past 2^53 the message would show a rounded number, not what was written.
      return {
        value: /^-?\d+$/.test(trimmed) && Number.isSafeInteger(Number(trimmed)) ? Number(trimmed) : text,
      };
    case 'boolean':
      return { value: trimmed === 'true' ? true : trimmed === 'false' ? false : text };
    case 'list':
      return { value: trimmed === '' ? [] : trimmed.split(',').map(item => item.trim()) };
    case 'json':
      return parseJson(trimmed);
    case 'text':
    default:
      return { value: text };
  }
}

// YAML contains JSON, and unlike JSON.parse its parser refuses a repeated key.
function parseJson(text: string): TextValue {
  const document = parseDocument(text, { prettyErrors: false, stringKeys: true });
  const [problem] = [...document.errors, ...document.warnings];
  if (problem === undefined) {
    try {
      return { value: document.toJS() as unknown };
    } catch {
      // an alias without an anchor: no JSON either
    }
  }
  return { problem: problem?.code === 'DUPLICATE_KEY' ? 'JSON without repeated keys' : 'valid JSON' };
}
