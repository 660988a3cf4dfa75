/** A statement and its parameters. The text is made of our own words only; whatever a user says is among the values. */
export interface Statement {
  /** Prepared once a connection under this name; the same name, the same text. */
  readonly name?: string;
  readonly text: string;
  readonly values: unknown[];
}
