// What the rest of seqd uses of the configuration.
export { ConfigError, type ConfigIssue, type ConfigIssueCode } from './config-error.ts';
export { defaultConfig } from './defaults.ts';
export { configAsObject, describeConfig, type ConfigObject } from './describe-config.ts';
export { splitEtcdAccess, type EtcdAccess } from './etcd-endpoints.ts';
export { loadConfig, type ConfigSource, type LoadConfigOptions, type LoadedConfig } from './load-config.ts';
export { advertiseUrlOf, nodeIdOf } from './node-identity.ts';
export { type Config, type InvoiceBehaviour } from './schema.ts';
export { hideCredentials } from './secrets.ts';
export { SERVE_FLAGS, type ConfigFlag } from './serve-flags.ts';
export { type Environment, type Flags } from './text-layers.ts';
