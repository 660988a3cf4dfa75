// Finding commands by a few of their letters. Pure.

/**
 * How well a text fits what was typed: all its letters in order, better where words begin and where letters follow each
 * other; `undefined` when it does not.
 *
 * @param {string} query
 * @param {string} text
 * @returns {number | undefined} larger is better
 */
export function fuzzyScore(query, text) {
  const wanted = query.toLowerCase().replaceAll(/\s+/g, '');
  if (wanted === '') return 0;
  const from = text.toLowerCase();
  const whole = from.indexOf(query.trim().toLowerCase());
  if (whole >= 0) return 1_000 + (isWordStart(from, whole) ? 500 : 0) - whole - from.length / 100;
  // The best score of the letters so far that ends at each place of the text.
  /** @type {(number | undefined)[]} */
  let best = [];
  for (let i = 0; i < wanted.length; i += 1)
    best = placeLetter(from, wanted.charAt(i), i === 0 ? undefined : best);
  const scores = best.filter(score => score !== undefined);
  return scores.length === 0 ? undefined : Math.max(...scores) - from.length / 100;
}

/**
 * @param {string} text
 * @param {string} letter
 * @param {readonly (number | undefined)[] | undefined} before scores of the letters before by place; `undefined` for the first
 */
function placeLetter(text, letter, before) {
  /** @type {(number | undefined)[]} */
  const best = [];
  for (let at = text.indexOf(letter); at >= 0; at = text.indexOf(letter, at + 1)) {
    const alone = isWordStart(text, at) ? 6 : 1;
    if (before === undefined) {
      best[at] = alone - Math.min(3, at / 8);
      continue;
    }
    for (let last = 0; last < at; last += 1) {
      const score = before[last];
      if (score === undefined) continue;
      const next = score + (last === at - 1 ? 8 : alone - Math.min(3, (at - last - 1) / 8));
      if (next > (best[at] ?? -Infinity)) best[at] = next;
    }
  }
  return best;
}

/**
 * @param {string} text
 * @param {number} at
 */
function isWordStart(text, at) {
  return at === 0 || !/[\p{L}\p{N}]/u.test(text[at - 1] ?? '');
}

/**
 * Those that fit, best first; all in their order when nothing is typed. Keywords count less than the title.
 *
 * @template {{ title: string, keywords?: string }} T
 * @param {string} query
 * @param {readonly T[]} commands
 * @returns {T[]}
 */
export function fuzzyFilter(query, commands) {
  if (query.trim() === '') return [...commands];
  return commands
    .map(command => {
      const title = fuzzyScore(query, command.title);
      const other = command.keywords === undefined ? undefined : fuzzyScore(query, command.keywords);
      // Letters strewn over keywords mean nothing.
      const keywords = other !== undefined && other >= 900 ? other / 4 : undefined;
      return { command, score: Math.max(title ?? -Infinity, keywords ?? -Infinity) };
    })
    .filter(({ score }) => score > -Infinity)
    .sort((a, b) => b.score - a.score)
    .map(({ command }) => command);
}
