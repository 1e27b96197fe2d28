import type { Finding } from './finding.ts';
import { haproxyMode } from './haproxy-mode.ts';
import { parseHostPattern } from './host-pattern.ts';
import type { ConfigFile } from './schema.ts';

type BackendFile = ConfigFile['backends'][number];

/** Of requests, which neither the tcp nor the kernel engine sees. */
const OF_REQUESTS = [
  'pipelining',
  'stalled_per_server',
  'requests_per_server',
  'queue',
  'retry',
  'hedge',
  'sticky',
] as const;
/** Of connections to servers, of which the kernel engine makes none. */
const OF_CONNECTIONS = ['connections_per_server', 'retries', 'timeouts', 'outlier', 'slow_start'] as const;

/** Keys that only one kind of engine can follow, beside an engine that cannot: a key that is passed over in silence is a trap. */
export function checkLayerFour(file: ConfigFile): Finding[] {
  const findings: Finding[] = [];
  const speaksHttp = new Set<string>();
  const isRelayed = new Set<string>();
  const isTranslated = new Set<string>();
  /** Of those, what HAProxy cannot do is looked at elsewhere. */
  const isLeftToHaproxy = new Set<string>();
  file.listeners.forEach((listener, i) => {
    const { engine = 'http', routes, backend, proxy_protocol: proxy } = listener;
    const names = [backend, ...(routes ?? []).flatMap((route) => [route.backend, ...targetsOf(route)])];
    for (const name of names) {
      if (name === undefined) continue;
      if (engine === 'http') speaksHttp.add(name);
      if (engine === 'haproxy') isLeftToHaproxy.add(name);
      if (engine === 'tcp') isRelayed.add(name);
      if (engine === 'kernel') isTranslated.add(name);
    }
    if (engine === 'kernel' && proxy === true) {
      findings.push({
        path: ['listeners', i, 'proxy_protocol'],
        message: 'the kernel engine reads no PROXY headers; remove "proxy_protocol", or use "engine: http" or "tcp"',
      });
    }
    if (engine !== 'haproxy' && listener.mode !== undefined) {
      findings.push({ path: ['listeners', i, 'mode'], message: '"mode" is for the haproxy engine; remove it' });
    }
    if (engine !== 'kernel' && proxy === true && (listener.trusted_proxies ?? []).length === 0) {
      findings.push({
        path: ['listeners', i, 'proxy_protocol'],
        message: 'name in "trusted_proxies" whose PROXY headers are to be believed; 0.0.0.0/0 and ::/0 are everyone',
      });
    }
    if (engine !== 'tcp' && !(engine === 'haproxy' && haproxyMode(listener) === 'tcp')) return;
    routes?.forEach((route, k) => {
      for (const key of Object.keys(route)) {
        if (key === 'backend') continue;
        if (key === 'host') {
          if (parseHostPattern(route.host!)?.port === undefined) continue;
          const message = `a TLS client names no port; take it out of "${route.host}"`;
          findings.push({ path: ['listeners', i, 'routes', k, 'host'], message });
          continue;
        }
        findings.push({
          path: ['listeners', i, 'routes', k, key],
          message: `such a listener routes by the name that a TLS client asks for and sees no requests; remove "${key}" or ${engine === 'tcp' ? 'use "engine: http"' : 'set "mode: http"'}`,
        });
      }
    });
  });
  file.backends.forEach((backend, i) => {
    if (backend.proxy_protocol !== undefined && speaksHttp.has(backend.name) && (backend.pipelining ?? 1) > 1) {
      findings.push({
        path: ['backends', i, 'pipelining'],
        message:
          'with "proxy_protocol" a connection serves one client, so there is nothing to pipeline; remove one of the two (servers also find the client in X-Forwarded-For)',
      });
    }
    if (!speaksHttp.has(backend.name) && !isLeftToHaproxy.has(backend.name)) {
      if (isRelayed.has(backend.name))
        findings.push(...withoutMeaning(backend, i, OF_REQUESTS, 'the tcp engine sees no requests'));
      else if (isTranslated.has(backend.name)) findings.push(...beyondKernel(backend, i));
    }
    if (isRelayed.has(backend.name) && typeof backend.hash === 'object') {
      findings.push({
        path: ['backends', i, 'hash'],
        message: 'a tcp listener leads to this backend, and sees no headers; use "hash: client"',
      });
    }
  });
  return findings;
}

function withoutMeaning(
  backend: BackendFile,
  at: number,
  keys: readonly (keyof BackendFile)[],
  why: string,
): Finding[] {
  return keys
    .filter((key) => backend[key] !== undefined)
    .map((key) => ({ path: ['backends', at, key], message: `${why}; remove "${key}" or use "engine: http"` }));
}

function beyondKernel(backend: BackendFile, at: number): Finding[] {
  const why = 'the kernel engine passes packets on and opens no connections';
  const findings = withoutMeaning(backend, at, [...OF_REQUESTS, ...OF_CONNECTIONS], why);
  backend.servers?.forEach(({ backup }, k) => {
    if (backup !== true) return;
    const message = 'the kernel engine knows no backup servers; remove "backup", or use another engine';
    findings.push({ path: ['backends', at, 'servers', k, 'backup'], message });
  });
  return findings;
}

function targetsOf({ split, mirror }: NonNullable<ConfigFile['listeners'][number]['routes']>[number]): string[] {
  return [...(split ?? []), ...(mirror === undefined ? [] : [mirror])].map(({ backend }) => backend);
}
