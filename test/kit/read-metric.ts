import { HttpClient } from './http-client.ts';

/** A metric of a node, its values for all labels added up; 0 when there is none yet. */
export async function readMetric(url: string, name: string): Promise<number> {
  const http = new HttpClient();
  try {
    const { status, body } = await http.get(`${url}/metrics`);
    if (status !== 200) throw new Error(`${url} gives no metrics but ${status}`);
    return String(body)
      .split('\n')
      .filter(line => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  } finally {
    http.close();
  }
}
