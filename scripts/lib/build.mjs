import { readdir, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { makeCommandExecutable } from './dependencies.mjs';
import { runNpm } from './npm.mjs';
import { projectRoot } from './paths.mjs';
import { withSetupLock } from './setup-lock.mjs';

/**
 * Compiles src/ to dist/ when dist/ is missing or older than a source file.
 *
 * @param {(line: string) => void} [log]
 * @returns {Promise<'built' | 'fresh'>}
 * @throws with the compiler's own words; nothing is written then, so the next call tries again
 */
export async function ensureBuild(log = () => {}) {
  return withSetupLock(async () => {
    if (!(await buildIsStale(projectRoot))) return 'fresh';
    log('compiling');
    const begun = new Date();
    const result = await runNpm(['run', '--silent', 'build', '--', '--noEmitOnError']);
    if (result.code !== 0) throw new Error(`the build failed:\n${(result.stdout + result.stderr).trim()}`);
    await makeCommandExecutable(projectRoot);
    // What was edited while the compiler ran may not be in it.
    await utimes(builtFile(projectRoot), begun, begun);
    return 'built';
  });
}

/**
 * Tells whether dist/ has to be built again. Folders count as well as files: their time changes when a file
 * in them is removed or renamed.
 *
 * @param {string} root
 * @returns {Promise<boolean>}
 */
export async function buildIsStale(root) {
  const built = await modifiedMs(builtFile(root));
  if (built === undefined) return true;
  const names = await readdir(root);
  const configs = names.filter(name => /^tsconfig.*\.json$/.test(name)).map(name => join(root, name));
  const src = join(root, 'src');
  const sources = (await readdir(src, { recursive: true })).map(name => join(src, name));
  const times = await Promise.all([...configs, src, ...sources].map(modifiedMs));
  return times.some(time => time !== undefined && time > built);
}

/**
 * The file whose time says when dist/ was built.
 *
 * @param {string} root
 */
function builtFile(root) {
  return join(root, 'dist', 'main.js');
}

/**
 * @param {string} file
 * @returns {Promise<number | undefined>}
 */
async function modifiedMs(file) {
  return (await stat(file).catch(() => undefined))?.mtimeMs;
}
