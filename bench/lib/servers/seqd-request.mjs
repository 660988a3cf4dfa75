/** The request that is measured everywhere. */
export const NEXT_PATH = '/api/v1/sequence/next';
/** Who draws. */
export const OWNER = { siteId: 'site-1', partitionId: 'partition-a', invoiceType: 'on-cycle' };
