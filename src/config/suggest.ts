import { isSection, rootSection, type Section } from './leaves.ts';

/**
 * The candidate most like `word`, or undefined when none is close: at most a third of its letters, and two in
 * a short word, may differ. Case, `-` and `_` do not count.
 */
export function suggest(word: string, candidates: Iterable<string>): string | undefined {
  const target = plain(word);
  const limit = Math.max(2, Math.floor(target.length / 3));
  let best: string | undefined;
  let bestDistance = Math.min(limit + 1, target.length);
  for (const candidate of candidates) {
    const distance = editDistance(target, plain(candidate));
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/**
 * The full path that an unknown key in a section may have meant: a neighbour spelled almost like it, or the
 * same name in another section.
 */
export function suggestKey(key: string, section: Section): string | undefined {
  const sibling = suggest(key, section.children.keys());
  if (sibling !== undefined) return section.path === '' ? sibling : `${section.path}.${sibling}`;
  return allPaths(rootSection).find(path => plain(path.slice(path.lastIndexOf('.') + 1)) === plain(key));
}

function allPaths(section: Section): string[] {
  const children = [...section.children.values()];
  const deeper = children.filter(child => isSection(child)).flatMap(allPaths);
  return children.map(child => child.path).concat(deeper);
}

const plain = (word: string): string => word.toLowerCase().replaceAll(/[-_]/g, '');

/** Levenshtein distance, counted in UTF-16 units; words longer than 100 units are never alike. */
function editDistance(left: string, right: string): number {
  if (left.length > 100 || right.length > 100) return Number.POSITIVE_INFINITY;
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i++) {
    const next = [i];
    for (let j = 1; j <= right.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[right.length] ?? 0;
}
