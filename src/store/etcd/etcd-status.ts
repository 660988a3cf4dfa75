import type { EtcdConnection } from './etcd-connection.ts';
import { describeEtcdError } from './etcd-errors.ts';

/** One etcd member as it describes itself; what it did not tell is left out. */
export interface EtcdMemberStatus {
  readonly endpoint: string;
  readonly healthy: boolean;
  readonly version?: string;
  readonly leader?: boolean;
  /** Bytes of its database on disk. */
  readonly databaseBytes?: number;
  readonly raftTerm?: number;
  /** Its own: what it has applied, which a member that is cut off from the others keeps. */
  readonly revision?: number;
  /** How many revisions it is behind what was known of the others when it answered; 0 when it is level with them. */
  readonly behindRevisions?: number;
  readonly error?: string;
}

/** Below these releases etcd has stale reads and authorization bypasses that matter in production. */
const PRODUCTION_FLOOR: readonly (readonly [number, number, number])[] = [
  [3, 5, 33],
  [3, 6, 14],
];

/** Asks every member for its status; members that do not answer are reported, not thrown. */
export async function readMemberStatus(
  connection: Pick<EtcdConnection, 'eachMember' | 'revisions'>,
): Promise<EtcdMemberStatus[]> {
  // Each is held against what was known before it answered: one that answers late would make the others look behind.
  let newest = connection.revisions.look().highest;
  const answers = await connection.eachMember(async (client, options) => {
    const status = await client.maintenance.status(options);
    const revision = Number(status.header.revision);
    const behindRevisions = Math.max(0, newest - revision);
    newest = Math.max(newest, revision);
    return { ...status, revision, behindRevisions };
  });
  return answers.map(({ endpoint, value, error }) => {
    if (value === undefined) {
      return { endpoint, healthy: false, error: describeEtcdError(error) };
    }
    return {
      endpoint,
      // A member without a leader answers this call, but nothing else.
      healthy: value.leader !== '0',
      version: value.version,
      leader: value.leader !== '0' && value.leader === value.header.member_id,
      databaseBytes: Number(value.dbSize),
      raftTerm: Number(value.raftTerm),
      revision: value.revision,
      behindRevisions: value.behindRevisions,
    };
  });
}

/** Whether an etcd release is below the floor for production use. */
export function isBelowProductionFloor(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(part => Number.parseInt(part, 10));
  const floor = PRODUCTION_FLOOR.find(([, floorMinor]) => floorMinor === minor);
  if (major !== 3) return major < 3;
  return floor === undefined ? minor < 5 : patch < floor[2];
}
