/** The oldest Node that seqd runs on; the same as `engines` in package.json. */
export const OLDEST_NODE = '20.19.0';

/**
 * Refuses a Node that is too old, before anything newer than it is loaded.
 *
 * @param {string} [version] such as `20.19.0`
 * @throws with a message that says what to do
 */
export function checkNode(version = process.versions.node) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_NODE.split('.').map(Number);
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  throw new Error(
    `seqd needs Node ${OLDEST_NODE} or newer, this is ${version}; get it from https://nodejs.org`,
  );
}
