import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  adminTokenFile,
  randomAdminToken,
  readAdminToken,
  removeAdminToken,
  writeAdminToken,
} from '../../../src/config/admin-token-file.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'seqd-home-'));
});
afterEach(() => rmSync(home, { recursive: true }));

test('a token can be read by its user alone, and only its node is told it', () => {
  const token = randomAdminToken();
  const path = writeAdminToken(token, 8080, home);
  expect(path).toBe(adminTokenFile(8080, home));
  if (process.platform !== 'win32') {
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(path, '..')).mode & 0o777).toBe(0o700);
  }
  for (const host of ['127.0.0.1', 'localhost', '[::1]'])
    expect(readAdminToken(`http://${host}:8080`, home)).toBe(token);
  for (const url of ['http://127.0.0.1:8081', 'http://192.0.2.1:8080', 'https://127.0.0.1.evil.example:8080'])
    expect(readAdminToken(url, home), url).toBeUndefined();
});

test('a node that starts again on the port leaves another token, which the one before does not take away', () => {
  writeAdminToken('first', 8080, home);
  const path = writeAdminToken('second', 8080, home);
  removeAdminToken('first', 8080, home);
  expect(readAdminToken('http://127.0.0.1:8080', home)).toBe('second');
  removeAdminToken('second', 8080, home);
  expect(readdirSync(join(path, '..'))).toEqual([]);
  expect(() => removeAdminToken('second', 8080, home)).not.toThrow();
});

test('tokens are not made twice', () => {
  expect(randomAdminToken()).not.toBe(randomAdminToken());
});
