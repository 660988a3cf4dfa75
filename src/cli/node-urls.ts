/** Where the nodes are, and how that is known. */
export interface NodeUrls {
  /** At least one. */
  readonly urls: readonly string[];
  /** For messages, such as `--url`. */
  readonly source: string;
}
