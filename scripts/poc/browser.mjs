import { spawn } from 'node:child_process';

/**
 * How to open an address on a system.
 *
 * @param {string} url
 * @param {string} platform as in `process.platform`
 * @param {NodeJS.ProcessEnv} env
 * @returns {{ command: string, args: string[] } | undefined} undefined where there is nobody to look at it
 */
export function browserCommand(url, platform, env) {
  if (env['CI']) return undefined;
  if (platform === 'darwin') return { command: 'open', args: [url] };
  if (platform === 'win32') return { command: 'cmd', args: ['/c', 'start', '', url] };
  if (!env['DISPLAY'] && !env['WAYLAND_DISPLAY']) return undefined;
  return { command: 'xdg-open', args: [url] };
}

/**
 * Opens an address in the user's browser; quietly does nothing when there is none.
 *
 * @param {string} url
 */
export function openBrowser(url) {
  const opener = browserCommand(url, process.platform, process.env);
  if (opener === undefined) return;
  const child = spawn(opener.command, opener.args, { detached: true, stdio: 'ignore', windowsHide: true });
  child.once('error', () => {});
  child.unref();
}
