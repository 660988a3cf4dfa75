import { Router } from 'express';
import { sendJson } from './respond.ts';
import { notAllowed } from './sequence-routes.ts';

/** One thing that must be well for the node to take requests. */
export interface HealthCheck {
  readonly name: string;
  /** `undefined` when it is well, else what is wrong. */
  readonly problem: string | undefined;
}

/** What health is judged by. */
export interface HealthSources {
  readonly nodeId: string;
  readonly version: string;
  checks(): readonly HealthCheck[];
  /** Nodes, members and leader; must answer without a quorum. */
  cluster(): Promise<object>;
}

/**
 * `/livez`: the process answers (restart it if not). `/readyz`: it should get traffic. `/health`: the same with
 * details, for people; 503 when not ready.
 */
export function createHealthRoutes(sources: HealthSources): Router {
  const router = Router();
  router
    .route('/livez')
    .get((_request, response) => sendJson(response, 200, { status: 'alive', node: sources.nodeId }))
    .all(notAllowed('GET'));
  router
    .route('/readyz')
    .get((_request, response) => {
      const problems = sources.checks().filter(check => check.problem !== undefined);
      const status = problems.length === 0 ? 'ready' : 'not ready';
      sendJson(response, problems.length === 0 ? 200 : 503, { status, node: sources.nodeId, problems });
    })
    .all(notAllowed('GET'));
  router
    .route('/health')
    .get(async (_request, response) => {
      const checks = sources.checks();
      const well = checks.every(check => check.problem === undefined);
      sendJson(response, well ? 200 : 503, {
        status: well ? 'healthy' : 'unhealthy',
        node: sources.nodeId,
        version: sources.version,
        checks: Object.fromEntries(checks.map(check => [check.name, check.problem ?? 'ok'])),
        cluster: await sources.cluster(),
      });
    })
    .all(notAllowed('GET'));
  return router;
}
