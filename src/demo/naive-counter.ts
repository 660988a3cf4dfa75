import type { Etcd3 } from 'etcd3';

/**
 * What one would write first: read the counter, put the next value if nobody was faster, and start over if somebody was.
 * Correct, and slower the more callers there are. Shown beside seqd by the demonstration `race` and by the benchmark.
 */
export class NaiveCounter {
  private readonly client: Etcd3;
  private readonly key: Buffer;
  private readonly callTimeoutMs: number;

  /** @param client one that repeats nothing by itself, or a number would be counted as several */
  constructor(client: Etcd3, { key, callTimeoutMs }: { key: string; callTimeoutMs: number }) {
    this.client = client;
    this.key = Buffer.from(key);
    this.callTimeoutMs = callTimeoutMs;
  }

  /** One attempt. @returns `undefined` when somebody was faster @throws the client's error */
  async tryNext(): Promise<number | undefined> {
    const options = { deadline: Date.now() + this.callTimeoutMs };
    const { kvs } = await this.client.kv.range({ key: this.key }, options);
    const found = kvs[0];
    const number = found === undefined ? 1 : Number(found.value.toString()) + 1;
    const { succeeded } = await this.client.kv.txn(
      {
        compare: [
          { key: this.key, target: 'Mod', result: 'Equal', mod_revision: found?.mod_revision ?? '0' },
        ],
        success: [{ request_put: { key: this.key, value: Buffer.from(String(number)) } }],
      },
      options,
    );
    return succeeded ? number : undefined;
  }

  /** Removes the counter. @throws the client's error */
  async remove(): Promise<void> {
    await this.client.kv.deleteRange({ key: this.key }, { deadline: Date.now() + this.callTimeoutMs });
  }
}
