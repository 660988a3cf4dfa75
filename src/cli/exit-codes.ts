/** What the `seqd` command ends with. */
export const EXIT = {
  /** Done. */
  ok: 0,
  /** Something failed, or is not as it should be. */
  failed: 1,
  /** The command line, an input file or the configuration is wrong; nothing was sent. */
  usage: 2,
  /** The server refused the request; sending it again does not help. */
  refused: 3,
  /** No server could be reached, or none can serve now; the same command may be tried again. */
  unavailable: 4,
  /** Ended by Ctrl-C. */
  interrupted: 130,
} as const;

/** A value of {@link EXIT}. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The end of every `--help`. */
export const EXIT_CODES_HELP = `
Exit codes:
  0    done
  1    failed, or not healthy
  2    wrong command line, input file or configuration; nothing was sent
  3    refused by the server; change the request
  4    no server reachable, or none can serve now; try again
  130  interrupted by Ctrl-C
`;
