import type { SeriesId } from '../core/identifiers.ts';

/**
 * How many times what is left free one may hold. With 8, one that is alone may have 8/9 of the room, and a ninth stays
 * free for whoever comes.
 */
const SHARE = 8;

/** Whose share is used up. */
export interface AdmissionLimit {
  readonly scope: 'node' | 'tenant' | 'series';
  /** Requests it has waiting or under way. */
  readonly waiting: number;
  /** As many as it may have now; fewer when others have more. */
  readonly waitingMax: number;
}

interface TenantCount {
  readonly name: string;
  held: number;
}

/**
 * Shares the room for unanswered requests of a node among tenants, and a tenant's share among its series: a tenant may
 * hold at most {@link SHARE} times what the node has free, a series {@link SHARE} times what its tenant has. However many
 * flood the node, what they leave shrinks but never to nothing, so one that holds little is let in; and nothing is set
 * aside for those that ask for nothing. That is Choudhury and Hahne, "Dynamic queue length thresholds for shared-memory
 * packet switches" (IEEE/ACM Transactions on Networking 6(2), 1998), on two levels.
 *
 * Only those who hold something are counted, so its memory is bounded by the room it shares.
 */
export class Admission {
  private readonly requestsMax: number;
  private held = 0;
  /** Those that hold something. */
  private readonly tenants = new Map<string, TenantCount>();

  /** @param requestsMax unanswered requests at once; at least 1 */
  constructor(requestsMax: number) {
    this.requestsMax = requestsMax;
  }

  /** Unanswered requests now. */
  get waiting(): number {
    return this.held;
  }

  /** Tenants that have unanswered requests. */
  get tenantsWaiting(): number {
    return this.tenants.size;
  }

  /** The share of a series. To be called once per series: what a share holds is known to itself only. */
  shareOf({ tenant }: SeriesId): SeriesShare {
    return new Share(this, tenant);
  }

  /** What a tenant that holds so many may hold, given what the others do. */
  tenantMax(tenantHeld: number): number {
    return fairMax(this.requestsMax - (this.held - tenantHeld));
  }

  /** The count of a tenant, known or new. */
  countOf(name: string): TenantCount {
    return this.tenants.get(name) ?? { name, held: 0 };
  }

  enter(tenant: TenantCount): void {
    this.held += 1;
    tenant.held += 1;
    if (tenant.held === 1) this.tenants.set(tenant.name, tenant);
  }

  leave(tenant: TenantCount): void {
    this.held -= 1;
    tenant.held -= 1;
    if (tenant.held === 0) this.tenants.delete(tenant.name);
  }

  /** Why a request is not let in. */
  limitOf(tenant: TenantCount, seriesHeld: number): AdmissionLimit {
    if (this.held >= this.requestsMax)
      return { scope: 'node', waiting: this.held, waitingMax: this.requestsMax };
    const tenantMax = this.tenantMax(tenant.held);
    // A whole number below a limit with a fraction is let in.
    if (tenant.held >= tenantMax)
      return { scope: 'tenant', waiting: tenant.held, waitingMax: Math.ceil(tenantMax) };
    const seriesMax = fairMax(tenantMax - (tenant.held - seriesHeld));
    return { scope: 'series', waiting: seriesHeld, waitingMax: Math.ceil(seriesMax) };
  }
}

/** One series' part in {@link Admission}. */
export interface SeriesShare {
  /** Why no further request of the series may wait now; `undefined` when one may. Changes nothing. */
  refusal(): AdmissionLimit | undefined;
  /** A request waits from now on; call only when {@link refusal} gives no reason against it. */
  enter(): void;
  /** A request that had entered is answered. */
  leave(): void;
}

class Share implements SeriesShare {
  private readonly admission: Admission;
  private tenant: TenantCount;
  private held = 0;

  constructor(admission: Admission, tenant: string) {
    this.admission = admission;
    this.tenant = admission.countOf(tenant);
  }

  refusal(): AdmissionLimit | undefined {
    const tenant = this.currentTenant();
    // Less than SHARE times what the tenant has free; it has nothing free when the node has not.
    if (this.held < SHARE * (this.admission.tenantMax(tenant.held) - tenant.held)) return undefined;
    return this.admission.limitOf(tenant, this.held);
  }

  enter(): void {
    this.held += 1;
    this.admission.enter(this.currentTenant());
  }

  leave(): void {
    this.held -= 1;
    this.admission.leave(this.tenant);
  }

  /** A count that fell to 0 was forgotten, and another series may have begun a new one. */
  private currentTenant(): TenantCount {
    if (this.tenant.held === 0) this.tenant = this.admission.countOf(this.tenant.name);
    return this.tenant;
  }
}

/** The most that one may hold of `room`, which is what the others leave of the whole: `held < SHARE × (room − held)`. */
function fairMax(room: number): number {
  return (SHARE * room) / (1 + SHARE);
}
