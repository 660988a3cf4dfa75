import { describe, expect, test } from 'vitest';
import { assertAdmin } from '../../../src/server/http/admin-rights.ts';

const TOKEN = 'a-token-of-enough-characters';
const refused = expect.objectContaining({ code: 'admin_required' });

describe('administrators', () => {
  test('whoever knows the token passes', () => {
    expect(() => assertAdmin({ headers: { authorization: `Bearer ${TOKEN}` } }, TOKEN)).not.toThrow();
  });

  test.each([undefined, '', 'Bearer', `Bearer ${TOKEN}x`, `Basic ${TOKEN}`, TOKEN])('%j does not', header => {
    const headers = { host: '127.0.0.1:8080', ...(header === undefined ? {} : { authorization: header }) };
    expect(() => assertAdmin({ headers }, TOKEN)).toThrow(refused);
  });
});
