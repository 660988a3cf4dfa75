import { Agent, request } from 'node:http';

/** An answer with its body parsed. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into answers of every shape
  readonly body: any;
}

/** One HTTP client: what it sends is what a test says, with no retries and no rules. */
export class HttpClient {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 512 });

  get(url: string, headers: Record<string, string> = {}): Promise<HttpAnswer> {
    return this.send('GET', url, undefined, headers);
  }

  post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<HttpAnswer> {
    return this.send('POST', url, JSON.stringify(body), { 'content-type': 'application/json', ...headers });
  }

  send(
    method: string,
    url: string,
    body: string | undefined,
    headers: Record<string, string>,
  ): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      const sent = request(url, { method, headers, agent: this.agent }, response => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          const json = String(response.headers['content-type']).includes('json');
          resolve({
            status: response.statusCode!,
            headers: response.headers,
            // The answer to HEAD has the type but no body.
            body: json && text !== '' ? JSON.parse(text) : text,
          });
        });
      });
      sent.on('error', reject);
      sent.end(body);
    });
  }

  close(): void {
    this.agent.destroy();
  }
}

/** What `next` takes, with defaults that every test cluster knows. */
export function nextBody(fields: Record<string, unknown> = {}): Record<string, unknown> {
  return { siteId: 'site-1', partitionId: 'partition-a', invoiceType: 'on-cycle', ...fields };
}
