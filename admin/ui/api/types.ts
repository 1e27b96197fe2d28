/** What the admin API answers with, as far as the pages show it. A test holds these against the API's own schemas. */

export interface Process {
  readonly id: string;
  readonly ready: boolean;
  readonly restarts: number;
}

export interface Plane extends Process {
  readonly cpu_seconds: number | null;
  readonly resident_bytes: number | null;
}

export interface ListenerSummary {
  readonly name: string;
  readonly engine: string;
  readonly bind: string;
  readonly connections: number;
  readonly websockets: number;
  readonly connections_total: number;
  readonly rejected_total: number;
}

export interface DurationCounts {
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
  readonly sum: number;
}

export interface RequestCounts {
  readonly listener: string;
  readonly backend: string;
  readonly codes: readonly { readonly code: number; readonly count: number }[];
  readonly duration: DurationCounts;
}

export interface StreamCounts {
  readonly listener: string;
  readonly backend: string;
  readonly outcomes: readonly { readonly outcome: string; readonly count: number }[];
  readonly bytes_in: number;
  readonly bytes_out: number;
}

export interface BackendSummary {
  readonly name: string;
  readonly servers: number;
  readonly available: number;
  readonly unhealthy: number;
  readonly drain: number;
  readonly maintenance: number;
  readonly ejected: number;
  readonly active: number;
  readonly idle: number;
  readonly queued: number;
  readonly connect_failures_total: number;
  readonly retries_total: number;
  readonly trouble: readonly { readonly id: string; readonly reason: string }[];
}

export interface PoolSummary {
  readonly name: string;
  readonly addresses: number;
  readonly ready: number;
  readonly draining: number;
  readonly ports: number;
  readonly used: number;
  readonly quarantined: number;
  readonly destinations: number;
  readonly queued: number;
  readonly exhausted: readonly { readonly outcome: string; readonly count: number }[];
  readonly trouble: readonly { readonly address: string; readonly reason: string }[];
  readonly tightest: {
    readonly destination: string;
    readonly busy: number;
    readonly capacity: number;
    readonly exhaustion_seconds: number | null;
    readonly add_addresses: number;
  } | null;
}

/** `GET /api/v1/overview` */
export interface Overview {
  readonly version: string;
  readonly uptime_seconds: number;
  readonly ready: boolean;
  readonly reasons: readonly string[];
  readonly planes: readonly Plane[];
  readonly workers: readonly Process[];
  readonly listeners: readonly ListenerSummary[];
  readonly requests: readonly RequestCounts[];
  readonly streams: readonly StreamCounts[];
  readonly backends: readonly BackendSummary[];
  readonly pools: readonly PoolSummary[];
  readonly system: { readonly warn: number; readonly fail: number };
}

export type ServerAdminState = 'ready' | 'drain' | 'maintenance';

export interface Server {
  readonly id: string;
  readonly weight: number;
  readonly backup: boolean;
  readonly healthy: boolean;
  readonly reason?: string;
  readonly state: ServerAdminState;
}

export interface ServerInUse extends Server {
  readonly active: number;
  readonly idle: number;
  readonly ejected_by: number;
}

/** One of `GET /api/v1/backends` */
export interface Backend {
  readonly name: string;
  readonly servers: readonly ServerInUse[];
}

export interface Source {
  readonly pool: string;
  readonly address: string;
  readonly claim: boolean;
  readonly interface: string;
  readonly state: string;
  readonly reason?: string;
  readonly ports: number;
  readonly blocks: {
    readonly free: number;
    readonly resting: number;
    readonly owners: readonly { readonly owner: string; readonly blocks: number }[];
  };
}

export interface PortCounts {
  readonly used: number;
  readonly quarantined: number;
  readonly unusable: number;
  readonly ports: number;
}

export interface PortCell extends PortCounts {
  readonly first: number;
  readonly last: number;
}

/** One of `GET /api/v1/ports` */
export interface PortRow extends PortCounts {
  readonly pool: string;
  readonly source: string;
  readonly destination: string;
  readonly free: number;
  readonly exhaustion_seconds: number | null;
  readonly add_addresses: number;
  readonly cells: readonly PortCell[];
}

export interface SystemFinding {
  readonly id: string;
  readonly title: string;
  readonly severity: string;
  readonly current: string | null;
  readonly wanted: string;
  readonly formula: string;
  readonly why: string;
  readonly if_left: string;
  readonly risk: string;
  readonly detail: string | null;
  readonly changed_by: string | null;
  readonly is_changed: boolean;
  readonly commands: readonly string[];
  readonly take_back: readonly string[];
}

/** `GET /api/v1/system` */
export interface System {
  readonly target: number;
  readonly planes: number;
  readonly summary: { readonly pass: number; readonly warn: number; readonly fail: number; readonly skip: number };
  readonly can_apply: boolean;
  readonly container: string | null;
  readonly journal: string;
  readonly findings: readonly SystemFinding[];
  readonly capacity: readonly {
    readonly id: string;
    readonly title: string;
    readonly connections: number;
    readonly formula: string;
  }[];
}

/** `POST /api/v1/system/apply` and `/undo` */
export interface SystemChanges {
  readonly dry_run: boolean;
  readonly changed: readonly { readonly name: string; readonly from: string | null; readonly to: string | null }[];
  readonly left: readonly {
    readonly id: string;
    readonly reason: string;
    readonly detail: string;
    readonly commands: readonly string[];
  }[];
  readonly notices: readonly string[];
}

/** RFC 9457 */
export interface Problem {
  readonly title: string;
  readonly status: number;
  readonly detail: string;
}
