/** Why a text is no number of a numbering. */
export type NumberMistake =
  'empty' | 'not a number' | 'negative' | 'zero' | 'above 2^53 - 1' | 'unexpected prefix';

/** A document number as somebody wrote it. */
export type ParsedNumber =
  | { readonly prefix: string; readonly number: number; readonly zeroPadded: boolean }
  | { readonly mistake: NumberMistake };

/** A longer prefix is no prefix. */
const PREFIX_LENGTH_MAX = 64;

/**
 * Splits a document number into what stands before its last digits and these: `C536379`, `RE-2024-0017`. With `prefixes`, the longest
 * of them that fits is taken, and a number with another is a mistake.
 */
export function parseDocumentNumber(value: string, prefixes?: readonly string[]): ParsedNumber {
  const text = value.trim();
  if (text === '') return { mistake: 'empty' };
  if (/^\d+$/.test(text) && (prefixes === undefined || prefixes.includes(''))) return parseDigits('', text);
  if (prefixes !== undefined) return parseWithPrefix(text, prefixes);
  if (/^-[\d.,]+$/.test(text)) return { mistake: 'negative' };
  // 12.5, 1,000, 1e3: a number, but not one of documents; its last digits would be a wrong one.
  if (/^[+-]?[\d.,' ]+(e[+-]?\d+)?$/i.test(text)) return { mistake: 'not a number' };
  const match = /^(.*\D)(\d+)$/s.exec(text);
  if (match === null || match[1]!.length > PREFIX_LENGTH_MAX) return { mistake: 'not a number' };
  return parseDigits(match[1]!, match[2]!);
}

function parseWithPrefix(text: string, prefixes: readonly string[]): ParsedNumber {
  const fitting = prefixes.filter(
    prefix => text.startsWith(prefix) && /^\d+$/.test(text.slice(prefix.length)),
  );
  if (fitting.length > 0) {
    const prefix = fitting.reduce((a, b) => (b.length > a.length ? b : a));
    return parseDigits(prefix, text.slice(prefix.length));
  }
  if (/^-[\d.,]+$/.test(text)) return { mistake: 'negative' };
  return { mistake: /\d$/.test(text) ? 'unexpected prefix' : 'not a number' };
}

function parseDigits(prefix: string, digits: string): ParsedNumber {
  const number = Number(digits);
  if (!Number.isSafeInteger(number)) return { mistake: 'above 2^53 - 1' };
  if (number === 0) return { mistake: 'zero' };
  return { prefix, number, zeroPadded: digits.startsWith('0') };
}
