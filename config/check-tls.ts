import type { Finding, Path } from './finding.ts';
import { haproxyMode } from './haproxy-mode.ts';
import { hostFault, parseHostPattern } from './host-pattern.ts';
import type { ConfigFile } from './schema.ts';

/** What is wrong with the TLS of listeners and backends, as far as the file alone tells. */
export function checkTls(file: ConfigFile): Finding[] {
  const findings: Finding[] = [];
  const fault = (path: Path, message: string): void => void findings.push({ path, message });
  file.listeners.forEach((listener, i) => {
    const at = ['listeners', i, 'tls'];
    const { tls, engine = 'http' } = listener;
    listener.routes?.forEach((route, k) => {
      const here = ['listeners', i, 'routes', k, 'early_data'];
      if (route.early_data !== true) return;
      if (tls === undefined) fault(here, 'early data is part of TLS; remove "early_data", or give the listener "tls"');
      else if (tls.early_data !== true)
        fault(here, 'the listener takes no early data; set "early_data: true" in its "tls"');
    });
    if (tls === undefined) return;
    if (engine === 'kernel') {
      fault(at, 'the kernel engine passes packets on and terminates no TLS; remove "tls" or use "engine: tcp"');
      return;
    }
    if (tls.certificates === undefined && tls.acme === undefined) {
      fault(at, 'there is nothing to prove itself with; add "certificates", or names to order them for in "acme"');
    }
    tls.certificates?.forEach(({ hosts, ocsp }, k) => {
      if (ocsp !== undefined && engine === 'haproxy') {
        const here = [...at, 'certificates', k, 'ocsp'];
        fault(here, 'HAProxy gets no OCSP responses from Portico; remove "ocsp" or use "engine: http"');
      }
      hosts?.forEach((host, n) => {
        const here = [...at, 'certificates', k, 'hosts', n];
        const pattern = parseHostPattern(host);
        const wrong =
          hostFault(host) ??
          (pattern?.port === undefined ? undefined : `a TLS client names no port; take it out of "${host}"`);
        if (wrong !== undefined) fault(here, wrong);
      });
    });
    if (tls.ciphers === 'modern' && tls.min_version === '1.2') {
      fault(
        [...at, 'min_version'],
        'the ciphers of "modern" are those of TLS 1.3; remove "min_version" or use "ciphers: intermediate"',
      );
    }
    if (engine === 'http' && tls.alpn !== undefined) {
      fault([...at, 'alpn'], 'the http engine speaks http/1.1 and nothing else; remove "alpn"');
    }
    if (engine === 'tcp' || (engine === 'haproxy' && haproxyMode(listener) === 'tcp')) {
      const which = engine === 'tcp' ? 'the tcp engine' : 'a listener in tcp mode';
      const other = engine === 'tcp' ? 'use "engine: http"' : 'set "mode: http"';
      const wrong = { hsts: tls.hsts, early_data: tls.early_data === true ? true : undefined };
      for (const [key, value] of Object.entries(wrong)) {
        if (value !== undefined) fault([...at, key], `${which} sees no requests; remove "${key}" or ${other}`);
      }
      if (tls.client_auth?.header !== undefined) {
        fault([...at, 'client_auth', 'header'], `${which} sees no requests; remove "header" or ${other}`);
      }
    }
  });
  file.backends.forEach(({ tls, workers }, i) => {
    if (tls === undefined) return;
    const at = ['backends', i, 'tls'];
    if (workers !== undefined) fault(at, 'workers are on this machine and speak HTTP in the clear; remove "tls"');
    if ((tls.cert === undefined) !== (tls.key === undefined)) fault(at, '"cert" and "key" go together');
    if (tls.verify === false && tls.ca !== undefined) {
      fault([...at, 'ca'], 'nothing is verified with "verify: false"; remove one of the two');
    }
  });
  return findings;
}
