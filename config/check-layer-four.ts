import type { Finding } from './finding.ts';
import { parseHostPattern } from './host-pattern.ts';
import type { ConfigFile } from './schema.ts';

/** Keys that only one kind of engine can follow, beside an engine that cannot: a key that is passed over in silence is a trap. */
export function checkLayerFour(file: ConfigFile): Finding[] {
  const findings: Finding[] = [];
  const speaksHttp = new Set<string>();
  const isRelayed = new Set<string>();
  file.listeners.forEach((listener, i) => {
    const { engine = 'http', routes, backend, proxy_protocol: proxy } = listener;
    const names = [backend, ...(routes ?? []).flatMap((route) => [route.backend, ...targetsOf(route)])];
    for (const name of names) {
      if (name === undefined) continue;
      if (engine === 'http') speaksHttp.add(name);
      if (engine === 'tcp') isRelayed.add(name);
    }
    if (engine !== 'tcp' && proxy === true) {
      findings.push({
        path: ['listeners', i, 'proxy_protocol'],
        message: 'this version reads PROXY headers on listeners with "engine: tcp" only; remove "proxy_protocol"',
      });
    }
    if (engine !== 'tcp') return;
    if (proxy === true && (listener.trusted_proxies ?? []).length === 0) {
      findings.push({
        path: ['listeners', i, 'proxy_protocol'],
        message: 'name in "trusted_proxies" whose PROXY headers are to be believed; 0.0.0.0/0 and ::/0 are everyone',
      });
    }
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
          message: `the tcp engine routes by the name that a TLS client asks for and sees no requests; remove "${key}" or use "engine: http"`,
        });
      }
    });
  });
  file.backends.forEach((backend, i) => {
    if (backend.proxy_protocol !== undefined && speaksHttp.has(backend.name)) {
      findings.push({
        path: ['backends', i, 'proxy_protocol'],
        message:
          'an http listener leads to this backend, and its connections serve many clients; remove "proxy_protocol" (servers find the client in X-Forwarded-For)',
      });
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

function targetsOf({ split, mirror }: NonNullable<ConfigFile['listeners'][number]['routes']>[number]): string[] {
  return [...(split ?? []), ...(mirror === undefined ? [] : [mirror])].map(({ backend }) => backend);
}
