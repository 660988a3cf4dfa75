/** More than any cluster has nodes, even with ports that change with each start. */
const URLS_MAX = 256;

/** Addresses of all nodes seen lately: pages of those that have gone look for another node, so their origin stays good. */
export class KnownUrls {
  private readonly urls = new Set<string>();

  /** The addresses, those seen last at the end. */
  get all(): Iterable<string> {
    return this.urls;
  }

  /** Takes in who is there now; those seen longest ago are forgotten when there are too many. */
  note(nodes: Iterable<{ readonly url: string }>): void {
    for (const { url } of nodes) {
      if (url === '') continue;
      this.urls.delete(url);
      this.urls.add(url);
    }
    for (const url of this.urls) {
      if (this.urls.size <= URLS_MAX) break;
      this.urls.delete(url);
    }
  }
}
