/** What the admin API answers with, as far as the pages show it. A test holds these against the API's own schemas. */

export interface Process {
  readonly id: string;
  readonly ready: boolean;
  readonly restarts: number;
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
  readonly planes: readonly Process[];
  readonly workers: readonly Process[];
  readonly listeners: readonly ListenerSummary[];
  readonly backends: readonly BackendSummary[];
  readonly pools: readonly PoolSummary[];
  readonly system: { readonly warn: number; readonly fail: number };
}

export interface Rates {
  readonly requests_per_second: number;
  readonly errors_per_second: number;
  readonly p50_seconds: number | null;
  readonly p99_seconds: number | null;
}

/** `event: status` of `GET /api/v1/events`, each second. */
export interface StatusTick extends Rates {
  readonly time: string;
  readonly uptime_seconds: number;
  readonly ready: boolean;
  readonly connections: number;
  readonly websockets: number;
  readonly connections_per_second: number;
  readonly bytes_in_per_second: number;
  readonly bytes_out_per_second: number;
  readonly listeners: readonly ({ readonly name: string; readonly connections: number } & Rates)[];
  readonly backends: readonly ({ readonly name: string; readonly active: number } & Rates)[];
  readonly planes: readonly {
    readonly id: string;
    readonly cpu: number;
    readonly resident_bytes: number;
    readonly event_loop_lag_seconds: number;
  }[];
  readonly ports: { readonly used: number; readonly quarantined: number; readonly free: number };
}

/** Of `GET /api/v1/events`, and of its history. */
export interface PorticoEvent {
  readonly id: string;
  readonly time: string;
  readonly type: string;
  readonly severity: 'info' | 'warning' | 'error';
  readonly message: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface EventHistory {
  readonly events: readonly PorticoEvent[];
  readonly next: string | null;
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

/** `GET /api/v1/ports/map` */
export interface PortMap {
  readonly pools: readonly { readonly name: string; readonly low: number; readonly high: number }[];
  readonly sources: readonly Source[];
  readonly destinations: readonly string[];
  readonly pairs: {
    readonly source: readonly number[];
    readonly destination: readonly number[];
    readonly free: readonly number[];
    readonly used: readonly number[];
    readonly quarantined: readonly number[];
    readonly unusable: readonly number[];
    readonly exhaustion_seconds: readonly (number | null)[];
    readonly add_addresses: readonly number[];
  };
}

/** One of `GET /api/v1/ports/strips` */
export interface PortStrip {
  readonly pool: string;
  readonly source: string;
  readonly destination: string;
  readonly first: readonly number[];
  readonly ports: readonly number[];
  readonly used: readonly number[];
  readonly quarantined: readonly number[];
  readonly unusable: readonly number[];
}

export interface RouteDescription {
  readonly conditions: readonly string[];
  readonly target: string;
  readonly backends: readonly { readonly name: string; readonly weight: number }[];
}

/** `GET /api/v1/routes` */
export interface Routes {
  readonly listeners: readonly {
    readonly name: string;
    readonly engine: string;
    readonly routes: readonly RouteDescription[];
  }[];
}

/** `POST /api/v1/routes/match` */
export interface RouteMatch extends RouteDescription {
  readonly listener: string;
  readonly index: number | null;
}

export interface Fault {
  readonly line: number;
  readonly column: number;
  readonly path: string;
  readonly message: string;
  readonly suggestion?: string;
}

export interface Difference {
  readonly path: string;
  readonly before: unknown;
  readonly after: unknown;
}

/** `GET /api/v1/config` */
export interface ConfigAnswer {
  readonly file: string;
  readonly text: string;
  readonly etag: string;
  readonly is_running: boolean;
  readonly can_roll_back: boolean;
  readonly differences: readonly Difference[] | null;
}

/** `PUT /api/v1/config` and `POST /api/v1/config/rollback` */
export interface ConfigChange {
  readonly dry_run: boolean;
  readonly kept: boolean;
  readonly etag: string;
  readonly changes: readonly Difference[];
  readonly warnings: readonly Fault[];
  readonly needs_restart: readonly string[];
}

/** `POST /api/v1/config/validate` */
export interface Verdict {
  readonly valid: boolean;
  readonly faults: readonly Fault[];
  readonly warnings: readonly Fault[];
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
