import { withEtcd } from '../loads/etcd-client.mjs';

/**
 * @param {readonly string[]} endpoints
 * @returns {Promise<number>} the size of the largest member's database file, bytes
 */
export async function databaseBytes(endpoints) {
  const sizes = [];
  for (const endpoint of endpoints)
    sizes.push(
      await withEtcd([endpoint], async client => Number((await client.maintenance.status()).dbSize)),
    );
  return Math.max(...sizes);
}
