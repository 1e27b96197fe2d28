import { type Endpoint, parseEndpoint } from './endpoint.ts';
import type { Finding, Path } from './finding.ts';
import { DEFAULT_ADMIN } from './resolve-admin.ts';
import type { ConfigFile } from './schema.ts';

/** Two that would listen on one port. Port 0 never clashes: the kernel chooses. */
export function checkBinds(file: ConfigFile): Finding[] {
  const findings: Finding[] = [];
  const taken: { readonly endpoint: Endpoint; readonly what: string; readonly protocol: string }[] = [];
  const take = (path: Path, text: string, what: string, protocol = 'tcp'): void => {
    const endpoint = parseEndpoint(text);
    if (endpoint === undefined || endpoint.port === 0) return;
    const other = taken.find(
      ({ endpoint: { host, port }, protocol: its }) =>
        its === protocol && port === endpoint.port && overlap(host, endpoint.host),
    );
    if (other === undefined) taken.push({ endpoint, what, protocol });
    else findings.push({ path, message: `${text} is taken by ${other.what}` });
  };
  file.listeners.forEach(({ bind, name, protocol }, i) => {
    take(['listeners', i, 'bind'], bind, `listener "${name}"`, protocol);
  });
  take(['admin', 'listen'], file.admin?.listen ?? DEFAULT_ADMIN, 'the admin server');
  return findings;
}

/** As the kernel sees it: `::` takes IPv4 connections too, `0.0.0.0` takes no IPv6 ones. */
function overlap(a: string, b: string): boolean {
  if (a === b || a === '::' || b === '::') return true;
  return (a === '0.0.0.0' && !b.includes(':')) || (b === '0.0.0.0' && !a.includes(':'));
}
