import { describePath, type Finding, misspelt, type Path } from './finding.ts';
import { DEFAULT_POOL } from './resolve.ts';
import type { ConfigFile } from './schema.ts';
import { serverId } from './server-id.ts';

/** Names used twice, names that point nowhere, and keys that exclude each other. */
export function checkReferences(file: ConfigFile): Finding[] {
  const findings: Finding[] = [];
  const fault = (path: Path, message: string): void => void findings.push({ path, message });

  const checkNames = (items: readonly { readonly name: string }[], key: string): Set<string> => {
    const seen = new Map<string, number>();
    items.forEach(({ name }, i) => {
      const first = seen.get(name);
      if (first === undefined) seen.set(name, i);
      else fault([key, i, 'name'], `"${name}" is the name of ${key}[${first}] as well; names must differ`);
    });
    return new Set(seen.keys());
  };
  const pools = file.sources === undefined ? new Set([DEFAULT_POOL.name]) : checkNames(file.sources, 'sources');
  checkNames(file.listeners, 'listeners');
  const backends = checkNames(file.backends, 'backends');

  const checkName = (path: Path, name: string, known: Set<string>, what: string): void => {
    if (!known.has(name)) findings.push(misspelt({ path, message: `there is no ${what} "${name}"` }, name, known));
  };
  file.listeners.forEach((listener, i) => {
    const at = ['listeners', i];
    listener.routes?.forEach((route, k) => {
      const here = [...at, 'routes', k];
      if (route.backend !== undefined) checkName([...here, 'backend'], route.backend, backends, 'backend');
      if (route.mirror !== undefined)
        checkName([...here, 'mirror', 'backend'], route.mirror.backend, backends, 'backend');
      route.split?.forEach(({ backend }, n) => {
        checkName([...here, 'split', n, 'backend'], backend, backends, 'backend');
      });
    });
    if (listener.backend !== undefined) checkName([...at, 'backend'], listener.backend, backends, 'backend');
    if ((listener.routes === undefined) === (listener.backend === undefined)) {
      fault(at, `${describePath(at)} needs either "routes" or "backend"`);
    }
    if (listener.routes !== undefined && listener.engine === 'kernel') {
      fault([...at, 'routes'], 'the kernel engine sees nothing to route by; give a "backend" instead');
    }
  });
  file.backends.forEach((backend, i) => {
    const { sticky } = backend;
    if (sticky !== undefined && (sticky.cookie === undefined) === (sticky.header === undefined)) {
      fault(['backends', i, 'sticky'], `${describePath(['backends', i, 'sticky'])} needs either "cookie" or "header"`);
    }
    for (const key of ['sticky', 'proxy_protocol'] as const) {
      if (backend.hedge === undefined || backend[key] === undefined) continue;
      fault(
        ['backends', i, 'hedge'],
        `with "${key}" a request has one server, so no second one can be asked; remove one of them`,
      );
    }
    findings.push(...checkHealth(backend.health, ['backends', i, 'health']));
    const factor = backend.hash_balance_factor ?? 0;
    if (factor > 0 && factor <= 100) {
      fault(
        ['backends', i, 'hash_balance_factor'],
        `with ${factor} % of the mean each, the servers could not take all requests; use 101 or more, or 0 for no bound`,
      );
    }
    if (backend.source !== undefined) checkName(['backends', i, 'source'], backend.source, pools, 'source pool');
    if ((backend.servers === undefined) === (backend.workers === undefined)) {
      fault(['backends', i], `${describePath(['backends', i])} needs either "servers" or "workers"`);
    }
    const seen = new Set<string>();
    backend.servers?.forEach(({ address }, k) => {
      const place = serverId(address) ?? address;
      if (seen.has(place)) {
        fault(['backends', i, 'servers', k, 'address'], `${address} is there twice; use "weight" to give it more`);
      }
      seen.add(place);
    });
  });
  return findings;
}

/** What only an HTTP check can look at. */
function checkHealth(health: ConfigFile['backends'][number]['health'], at: Path): Finding[] {
  if (health === undefined) return [];
  if (health.path === undefined) {
    return (['method', 'host', 'status', 'body'] as const)
      .filter((key) => health[key] !== undefined)
      .map((key) => ({ path: [...at, key], message: `"${key}" needs an HTTP check; give "path" as well` }));
  }
  if (health.method === 'HEAD' && health.body !== undefined) {
    return [{ path: [...at, 'body'], message: 'an answer to HEAD has no body; use GET or remove "body"' }];
  }
  return [];
}
