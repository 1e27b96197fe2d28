/** What befalls Portico's own processes. Only one at a time. */
export const FRONT_FAULTS = [
  'plane-kill',
  'plane-stop',
  'worker-kill',
  'worker-stop',
  'primary-kill',
  'primary-stop',
  'reload',
  'reload-invalid',
  'upgrade',
  'haproxy-kill',
] as const;

/** What befalls all around it. One at a time, whatever happens to Portico meanwhile. */
export const BACK_FAULTS = [
  'server-kill',
  'server-stop',
  'server-slow',
  'server-reset',
  'rolling-restart',
  'address-removed',
  'link-down',
  'log-stall',
] as const;

export type FrontFault = (typeof FRONT_FAULTS)[number];
export type BackFault = (typeof BACK_FAULTS)[number];
export type FaultKind = FrontFault | BackFault;

export const isFront = (kind: FaultKind): kind is FrontFault => (FRONT_FAULTS as readonly string[]).includes(kind);

/** Those that leave every process of Portico as it is, so that its memory can be watched over a long time. */
export const LASTING: readonly FaultKind[] = ['primary-stop', 'reload', 'reload-invalid', ...BACK_FAULTS];

export interface Fault {
  /** Since the start of the schedule. It comes later when the one before it has not been recovered from. */
  readonly atMs: number;
  readonly kind: FaultKind;
  /** Which plane, server, address: counted on from zero, modulo how many there are. */
  readonly index: number;
  /** For those that last. */
  readonly lastsMs: number;
}

export function describeFault({ atMs, kind, index, lastsMs }: Fault): string {
  return `${(atMs / 1000).toFixed(1).padStart(7)} s  ${kind} ${index} ${lastsMs} ms`;
}
