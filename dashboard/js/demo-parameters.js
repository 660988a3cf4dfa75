// Parameters of a demonstration: checked before they are sent, and as commands to copy.

import { option, words } from './actions-command.js';
import { count } from './format.js';

/** @typedef {import('../../src/demo/demo-run.ts').DemoParameter} DemoParameter */

/**
 * What somebody typed as a value, or what is wrong with it.
 *
 * @param {DemoParameter} parameter
 * @param {string} text
 * @returns {{ readonly value: number } | { readonly problem: string }}
 */
export function readParameter({ title, minimum, maximum }, text) {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!Number.isSafeInteger(value)) return { problem: `${title}: a whole number, please` };
  if (value < minimum || value > maximum) {
    return { problem: `${title}: from ${count(minimum)} to ${count(maximum)}` };
  }
  return { value };
}

/**
 * The limits of a parameter in words.
 *
 * @param {DemoParameter} parameter
 */
export function limitsOf({ minimum, maximum }) {
  return `${count(minimum)} – ${count(maximum)}`;
}

/**
 * The run as a curl command; parameters that have their default are left out.
 *
 * @param {string} origin of the page: `http://127.0.0.1:8080`
 * @param {string} name
 * @param {readonly DemoParameter[]} parameters
 * @param {Readonly<Record<string, number>>} values
 */
export function asCurl(origin, name, parameters, values) {
  const query = changed(parameters, values).map(([key, value]) => `${key}=${value}`);
  const address = `${origin}/api/v1/demo/${name}`;
  return words(['curl', '-X', 'POST', query.length === 0 ? address : `${address}?${query.join('&')}`]);
}

/**
 * The run as a command of seqd.
 *
 * @param {string} origin the same
 * @param {string} name
 * @param {readonly DemoParameter[]} parameters
 * @param {Readonly<Record<string, number>>} values
 */
export function asCommand(origin, name, parameters, values) {
  const options = changed(parameters, values).flatMap(([key, value]) => option(`--${kebab(key)}`, value));
  return words(['seqd', 'demo', name, ...options, '--url', origin]);
}

/**
 * @param {readonly DemoParameter[]} parameters
 * @param {Readonly<Record<string, number>>} values
 * @returns {[string, number][]}
 */
function changed(parameters, values) {
  return parameters.flatMap(parameter => {
    const value = values[parameter.name];
    return value === undefined || value === parameter.default ? [] : [[parameter.name, value]];
  });
}

/** @param {string} name */
function kebab(name) {
  return name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`);
}
