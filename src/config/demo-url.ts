/** What `demo.url` may be, as said in messages. */
export const DEMO_URL_ALLOWED = 'null or http://host:port on this machine (127.0.0.1, localhost or [::1])';

const DEMO_URL = /^http:\/\/(?:127\.0\.0\.1|localhost|\[::1\]):(?<port>\d{1,5})\/?$/;

/** Whether the text is where a process for demonstrations may listen: loopback only, since it may kill nodes. */
export function isDemoUrl(text: string): boolean {
  const port = Number(DEMO_URL.exec(text)?.groups?.['port']);
  return port >= 1 && port <= 65_535;
}
