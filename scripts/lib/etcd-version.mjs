/** @typedef {{ major: number, minor: number, patch: number }} EtcdVersion */

/** The oldest etcd that seqd works with. */
export const OLDEST_SUPPORTED = '3.4.0';

/** The oldest releases fit for production: earlier ones have stale reads and authorization bypasses. */
export const PRODUCTION_FLOORS = Object.freeze(['3.5.33', '3.6.14']);

/**
 * Reads a version out of `etcd --version` output or a plain `3.6.14`.
 *
 * @param {string} text
 * @returns {EtcdVersion | undefined} undefined when there is no version in it
 */
export function parseEtcdVersion(text) {
  const match = /(?:etcd Version:\s*|^v?)(\d+)\.(\d+)\.(\d+)/m.exec(text);
  if (match === null) return undefined;
  return { major: Number(match[1]), minor: Number(match[2]), patch: Number(match[3]) };
}

/**
 * Orders two versions.
 *
 * @param {string} left
 * @param {string} right
 * @returns {number} below 0 when `left` is older, 0 when equal, above 0 when newer
 */
export function compareEtcdVersions(left, right) {
  const a = parseEtcdVersion(left);
  const b = parseEtcdVersion(right);
  if (a === undefined || b === undefined) throw new Error(`not etcd versions: ${left}, ${right}`);
  return a.major - b.major || a.minor - b.minor || a.patch - b.patch;
}

/**
 * Tells whether seqd works with this version at all.
 *
 * @param {string} version
 */
export function isSupportedEtcd(version) {
  return compareEtcdVersions(version, OLDEST_SUPPORTED) >= 0;
}

/**
 * Tells whether a version lacks fixes that production needs. Each minor line has its own floor; a line
 * without one (3.4) never qualifies, a line newer than all floors does.
 *
 * @param {string} version
 */
export function isBelowProductionFloor(version) {
  const parsed = parseEtcdVersion(version);
  if (parsed === undefined) return true;
  const sameLine = PRODUCTION_FLOORS.find(floor => {
    const line = parseEtcdVersion(floor);
    return line?.major === parsed.major && line.minor === parsed.minor;
  });
  const newest = PRODUCTION_FLOORS.at(-1) ?? OLDEST_SUPPORTED;
  return compareEtcdVersions(version, sameLine ?? newest) < 0;
}
