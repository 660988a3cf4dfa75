/**
 * Imports a module of the built program, which need not be there when this file is checked: name its type at the
 * call, from `src/`.
 *
 * @param {string} path under `dist/`
 * @returns {Promise<any>}
 */
export function importBuilt(path) {
  return import(new URL(`../../dist/${path}`, import.meta.url).href);
}
