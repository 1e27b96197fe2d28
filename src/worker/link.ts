/** What connects a worker's app with the Portico that runs it. */
export interface WorkerLink {
  /** The app listens on this port of 127.0.0.1. */
  listening(port: number): void;
  /** Called when the worker is to finish and exit. */
  onDrain(drain: () => void): void;
}

/** On the global object, as the app may have loaded a copy of portico/worker of its own. */
const KEY = Symbol.for('portico.worker.link');

interface Linked {
  [KEY]?: WorkerLink;
}

export function setWorkerLink(link: WorkerLink): void {
  (globalThis as Linked)[KEY] = link;
}

/** Undefined for a worker that runs by itself. */
export function workerLink(): WorkerLink | undefined {
  return (globalThis as Linked)[KEY];
}
