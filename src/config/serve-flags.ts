/** A command line option that stands for one setting. */
export interface ConfigFlag {
  /** As commander takes it. */
  readonly flag: `--${string} <${string}>`;
  /** The setting, dotted, in the file's spelling. */
  readonly path: string;
  readonly description: string;
}

/** The options of `seqd serve` that override settings. */
export const SERVE_FLAGS = [
  { flag: '--site <id>', path: 'node.site', description: 'site this node serves' },
  { flag: '--partition <id>', path: 'node.partition', description: 'partition this node serves' },
  { flag: '--host <address>', path: 'server.host', description: 'address to listen on' },
  { flag: '--port <n>', path: 'server.port', description: 'port to listen on, 0 for any free one' },
  { flag: '--cluster <name>', path: 'sequence.cluster', description: 'namespace of the etcd keys' },
  {
    flag: '--etcd-endpoints <list>',
    path: 'sequence.etcd.endpoints',
    description: 'etcd endpoints, comma separated',
  },
  { flag: '--node-id <id>', path: 'node.id', description: 'name of this node, default <site>-<partition>' },
  {
    flag: '--advertise-url <url>',
    path: 'server.advertise-url',
    description: 'address that other nodes and clients use',
  },
  {
    flag: '--log-level <level>',
    path: 'logging.level',
    description: 'fatal, error, warn, info, debug, trace or silent',
  },
] as const satisfies readonly ConfigFlag[];

/** The name of the option for a setting, `--` and the path when it has none of its own. */
export function flagNameOf(path: string): string {
  const known = SERVE_FLAGS.find(flag => flag.path === path);
  return known === undefined ? `--${path}` : known.flag.slice(0, known.flag.indexOf(' '));
}
