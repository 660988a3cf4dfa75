import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { projectRoot } from './paths.mjs';
import { runCommand } from './run-command.mjs';

/**
 * Runs npm in the project. The npm that belongs to the running Node is preferred over one on PATH, and is
 * called as a script, so that neither PATH nor Windows' .cmd files matter.
 *
 * @param {readonly string[]} args
 * @param {{ echo?: boolean }} [options] `echo` shows its output as it comes
 * @returns {Promise<import('./run-command.mjs').CommandResult>}
 */
export function runNpm(args, { echo = false } = {}) {
  const script = findNpmScript();
  const options = { cwd: projectRoot, env: npmEnvironment(), timeoutMs: 900_000, echo };
  return script === undefined
    ? runCommand('npm', args, { ...options, shell: process.platform === 'win32' })
    : runCommand(process.execPath, [script, ...args], options);
}

/**
 * npm's settings of an outer `npm test` or `npm start` describe that call and must not leak into ours.
 *
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {NodeJS.ProcessEnv}
 */
export function npmEnvironment(env = process.env) {
  const dropped = /^npm_(?:lifecycle|command|package|config_(?:production|omit|include|global))/;
  const kept = Object.entries(env).filter(([name]) => !dropped.test(name));
  // A script that npm runs must find the Node we run on, even when PATH does not name it.
  const bin = dirname(process.execPath);
  const path = env['PATH'] ?? env['Path'] ?? '';
  const separator = process.platform === 'win32' ? ';' : ':';
  const known = path.split(separator).includes(bin);
  return { ...Object.fromEntries(kept), PATH: known ? path : [path, bin].filter(Boolean).join(separator) };
}

/** @returns {string | undefined} */
function findNpmScript() {
  const bin = dirname(process.execPath);
  return [
    join(bin, 'node_modules', 'npm', 'bin', 'npm-cli.js'),
    join(bin, '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js'),
  ].find(file => existsSync(file));
}
