import { type Endpoint, parseEndpoint } from './endpoint.ts';
import type { Fault } from './fault.ts';
import { DEFAULT_ADMIN, DEFAULT_POOL } from './resolve.ts';
import type { ConfigFile } from './schema.ts';
import { describePath, type Path, type SourceMap } from './source-map.ts';
import { hint } from './validate.ts';

/** Names used twice, names that point nowhere, ports used twice, and keys that exclude each other. */
export function checkReferences(file: ConfigFile, source: SourceMap): Fault[] {
  const faults: Fault[] = [];
  const fault = (path: Path, message: string): void => void faults.push(source.fault(path, message));

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
    if (!known.has(name)) fault(path, `there is no ${what} "${name}"${hint(name, known)}`);
  };
  file.listeners.forEach((listener, i) => {
    const at = ['listeners', i];
    listener.routes?.forEach((route, k) => {
      checkName([...at, 'routes', k, 'backend'], route.backend, backends, 'backend');
    });
    if (listener.backend !== undefined) checkName([...at, 'backend'], listener.backend, backends, 'backend');
    if ((listener.routes === undefined) === (listener.backend === undefined)) {
      fault(at, `${describePath(at)} needs either "routes" or "backend"`);
    }
    if (listener.routes !== undefined && (listener.engine ?? 'http') !== 'http') {
      fault([...at, 'routes'], 'routes are for the http engine; give a "backend" instead');
    }
  });
  file.backends.forEach((backend, i) => {
    if (backend.source !== undefined) checkName(['backends', i, 'source'], backend.source, pools, 'source pool');
    if ((backend.servers === undefined) === (backend.workers === undefined)) {
      fault(['backends', i], `${describePath(['backends', i])} needs either "servers" or "workers"`);
    }
    const seen = new Set<string>();
    backend.servers?.forEach(({ address }, k) => {
      if (seen.has(address))
        fault(['backends', i, 'servers', k, 'address'], `${address} is there twice; use "weight" to give it more`);
      seen.add(address);
    });
  });
  checkBinds(file, fault);
  return faults;
}

function checkBinds(file: ConfigFile, fault: (path: Path, message: string) => void): void {
  const taken: { readonly endpoint: Endpoint; readonly what: string }[] = [];
  const take = (path: Path, text: string, what: string): void => {
    const endpoint = parseEndpoint(text);
    if (endpoint === undefined || endpoint.port === 0) return;
    const other = taken.find(({ endpoint: { host, port } }) => port === endpoint.port && overlap(host, endpoint.host));
    if (other === undefined) taken.push({ endpoint, what });
    else fault(path, `${text} is taken by ${other.what}`);
  };
  file.listeners.forEach(({ bind, name }, i) => {
    take(['listeners', i, 'bind'], bind, `listener "${name}"`);
  });
  take(['admin', 'listen'], file.admin?.listen ?? DEFAULT_ADMIN, 'the admin server');
}

function overlap(a: string, b: string): boolean {
  return a === b || a === '0.0.0.0' || b === '0.0.0.0' || a === '::' || b === '::';
}
