import type { Path } from './finding.ts';
import type { ConfigFile } from './schema.ts';

type BackendFile = ConfigFile['backends'][number];

/** `retry-on` knows these and no other. */
const RETRIED = new Set([401, 403, 404, 408, 425, 500, 501, 502, 503, 504]);

/** What HAProxy cannot do for a backend that listeners of the `modes` lead to. */
export function checkHaproxyBackend(
  backend: BackendFile,
  at: Path,
  modes: ReadonlySet<'http' | 'tcp'>,
  report: (path: Path, message: string) => void,
): void {
  const isTcp = modes.has('tcp');
  if (backend.balance === 'peak-ewma') {
    report([...at, 'balance'], 'HAProxy does not balance by response times; use least-connections or random-two');
  }
  if (backend.balance === 'maglev') {
    report([...at, 'balance'], 'HAProxy has no Maglev table; use "balance: hash", which is as steady');
  }
  if (isTcp && typeof backend.hash === 'object') {
    report(
      [...at, 'hash'],
      'a listener of HAProxy in tcp mode leads to this backend, and sees no headers; use "client"',
    );
  }
  if (typeof backend.hash === 'object') {
    const name = Object.values(backend.hash)[0] as string;
    if (!FIELD_NAME.test(name)) report([...at, 'hash'], `"${name}" is not a name that HAProxy can be asked for`);
  }
  if (backend.sticky !== undefined) {
    const name = 'cookie' in backend.sticky ? backend.sticky.cookie : backend.sticky.header;
    if (name !== undefined && !FIELD_NAME.test(name))
      report([...at, 'sticky'], `"${name}" is not a name that HAProxy can be asked for`);
  }
  if ((backend.pipelining ?? 1) > 1) {
    report([...at, 'pipelining'], 'HAProxy does not pipeline requests; remove "pipelining" or use "engine: http"');
  }
  if (backend.outlier !== undefined) {
    report(
      [...at, 'outlier'],
      'HAProxy watches real requests only where it checks every source of a server by itself; remove "outlier"',
    );
  }
  if (backend.queue?.size !== undefined) {
    report(
      [...at, 'queue', 'size'],
      'the queue of HAProxy is as long as it has connections; limit those, and remove "size"',
    );
  }
  if (backend.tls !== undefined && backend.tls.verify !== false && backend.tls.server_name === undefined) {
    report(
      [...at, 'tls'],
      'HAProxy looks for names in certificates and not for addresses; give "server_name", or "verify: false"',
    );
  }
  if (backend.requests_per_server === 'auto') {
    report([...at, 'requests_per_server'], 'HAProxy does not find the limit of a server by itself; give a number');
  }
  if (backend.hedge !== undefined) {
    report([...at, 'hedge'], 'HAProxy asks one server at a time; remove "hedge" or use "engine: http"');
  }
  for (const key of ['target', 'interval'] as const) {
    if (backend.queue?.[key] !== undefined) report([...at, 'queue', key], `HAProxy does not know "${key}"; remove it`);
  }
  const { retry } = backend;
  for (const key of ['budget', 'min_per_second', 'per_try_timeout'] as const) {
    if (retry?.[key] !== undefined) report([...at, 'retry', key], `HAProxy does not know "${key}"; remove it`);
  }
  const statuses = expand(retry?.status ?? '');
  const unknown = statuses.find((status) => !RETRIED.has(status));
  if (unknown !== undefined) {
    report([...at, 'retry', 'status'], `HAProxy does not retry for ${unknown}; it knows ${[...RETRIED].join(', ')}`);
  }
  if (isTcp) {
    for (const key of ['retry', 'sticky', 'requests_per_server', 'queue'] as const) {
      if (backend[key] === undefined) continue;
      report(
        [...at, key],
        `a listener of HAProxy in tcp mode leads to this backend, and sees no requests; remove "${key}"`,
      );
    }
  }
}

const FIELD_NAME = /^[A-Za-z0-9!#$%&*+.^_`|~-]{1,128}$/;

function expand(text: string): number[] {
  if (text === '') return [];
  return text.split(',').flatMap((part) => {
    const [first = 0, last = first] = part.split('-').map(Number);
    return Array.from({ length: Math.abs(last - first) + 1 }, (_, i) => Math.min(first, last) + i);
  });
}
