import { pathToFileURL } from 'node:url';
import { systemClock } from '../lb/clock.ts';
import type { WorkerEvent } from '../lb/control/messages.ts';
import { OwnUsage } from '../lb/own-usage.ts';

// A worker process: runs the module that the config names, which calls `serve` of portico/worker.

const BUILTIN = new Map([['builtin:echo', './worker/echo.js']]);

const USAGE_MS = 1000;
const usage = new OwnUsage();
systemClock.every(USAGE_MS, () => {
  const event: WorkerEvent = { type: 'usage', usage: usage.read() };
  if (process.connected) process.send?.(event);
});

const module = process.argv[2] ?? '';
const builtin = BUILTIN.get(module);
try {
  await import(builtin === undefined ? pathToFileURL(module).href : new URL(builtin, import.meta.url).href);
} catch (error) {
  const event: WorkerEvent = { type: 'failed', message: (error as Error).message };
  // The process ends once the message is out.
  process.send?.(event, () => process.exit(1));
}
