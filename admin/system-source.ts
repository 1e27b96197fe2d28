/** What stands in the way of many connections on this machine; `src/system` finds and changes it. */
export interface SystemSource {
  /** `target`: connections at once to be ready for. Default: the source's own. */
  report(target?: number): SystemReport;
  apply(request: SystemChangeRequest): SystemChange;
  undo(request: SystemChangeRequest): SystemChange;
  /** As of the last look, which is some seconds ago at most. */
  summary(): SystemSummary;
}

export interface SystemReport {
  readonly target: number;
  readonly planes: number;
  readonly summary: Readonly<Record<'pass' | 'warn' | 'fail' | 'skip', number>>;
  /** Whether this process may change what it found. */
  readonly can_apply: boolean;
  readonly container: string | null;
  /** `interrupted`: a change was cut off; the next one, or an undo, puts it back. */
  readonly journal: 'none' | 'applied' | 'interrupted' | 'unreadable';
  readonly findings: readonly SystemFinding[];
  /** What stops first is first. */
  readonly capacity: readonly {
    readonly id: string;
    readonly title: string;
    readonly connections: number;
    readonly formula: string;
  }[];
}

export interface SystemFinding {
  readonly id: string;
  readonly title: string;
  readonly severity: 'pass' | 'warn' | 'fail' | 'skip';
  readonly current: string | null;
  readonly wanted: string;
  readonly formula: string;
  readonly why: string;
  readonly if_left: string;
  readonly risk: string;
  readonly detail: string | null;
  readonly changed_by: 'portico' | 'root' | 'host' | 'person' | null;
  readonly is_changed: boolean;
  readonly commands: readonly string[];
  readonly take_back: readonly string[];
}

export interface SystemChangeRequest {
  readonly target?: number | undefined;
  readonly only?: readonly string[] | undefined;
  readonly isDryRun: boolean;
}

export type SystemChange =
  | {
      readonly ok: true;
      readonly changed: readonly { readonly name: string; readonly from: string | null; readonly to: string | null }[];
      readonly left: readonly {
        readonly id: string;
        readonly reason: string;
        readonly detail: string;
        readonly commands: readonly string[];
      }[];
      readonly notices: readonly string[];
    }
  | {
      readonly ok: false;
      readonly reason: 'denied' | 'unknown' | 'conflict' | 'full';
      readonly detail: string;
      /** What somebody with the privilege would type to the same end. */
      readonly commands: readonly string[];
    };

export interface SystemSummary {
  readonly findings: Readonly<Record<'warn' | 'fail', number>>;
  /** Connections that each limit allows, by its id. */
  readonly capacity: Readonly<Record<string, number>>;
}
