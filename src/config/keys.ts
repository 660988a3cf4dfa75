/** `globalCounterStart` → `global-counter-start`. */
export const kebabOf = (camel: string): string =>
  camel.replaceAll(/[A-Z]/g, letter => `-${letter.toLowerCase()}`);

/** `global-counter-start` → `globalCounterStart`. */
export const camelOf = (kebab: string): string =>
  kebab.replaceAll(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

/** The keys of a dotted path in the file's spelling, as the typed configuration spells them. */
export const camelKeys = (path: string): string[] => path.split('.').map(camelOf);

/**
 * A path with list indexes and user-named keys added in the usual notation: `sequence.sites` and
 * `[1, 'partitions', 0]` → `sequence.sites[1].partitions[0]`.
 */
export function joinPath(path: string, rest: readonly PropertyKey[]): string {
  return rest.reduce<string>(
    (joined, key) => (typeof key === 'number' ? `${joined}[${key}]` : `${joined}.${String(key)}`),
    path,
  );
}
