import type { Schemas } from '../../client/index.ts';

// What the API answers with, by the names that the pages have for it. All of it is generated from the API's description.

export type Overview = Schemas['Overview'];
export type BackendSummary = Overview['backends'][number];
export type PoolSummary = Overview['pools'][number];
export type StatusTick = Schemas['StatusTick'];
/** What a tick tells of everything, of each listener and of each backend alike. */
export type Rates = Pick<StatusTick, 'requests_per_second' | 'errors_per_second' | 'p50_seconds' | 'p99_seconds'>;
export type PorticoEvent = Schemas['Event'];
export type Backend = Schemas['Backend'];
export type ServerInUse = Backend['servers'][number];
export type Server = Schemas['Server'];
export type Source = Schemas['Source'];
export type PortMap = Schemas['PortMap'];
export type PortStrip = Schemas['PortStrip'];
export type Routes = Schemas['Routes'];
export type RouteMatch = Schemas['RouteMatch'];
export type ConfigAnswer = Schemas['Config'];
export type ConfigChange = Schemas['ConfigChange'];
export type Verdict = Schemas['ConfigVerdict'];
export type Fault = Schemas['Fault'];
export type Difference = Schemas['Difference'];
export type System = Schemas['System'];
export type SystemFinding = Schemas['SystemFinding'];
export type SystemChanges = Schemas['SystemChanges'];
export type Problem = Schemas['Problem'];
