import { isIP } from 'node:net';
import type { Finding, Path } from './finding.ts';
import { hostFault, parseHostPattern } from './host-pattern.ts';
import type { ConfigFile } from './schema.ts';

/** What is wrong with the ordering of certificates, as far as the file tells. */
export function checkAcme({ acme, listeners }: ConfigFile): Finding[] {
  const findings: Finding[] = [];
  const fault = (path: Path, message: string): void => void findings.push({ path, message });
  listeners.forEach(({ tls, engine = 'http' }, i) => {
    const at = ['listeners', i, 'tls', 'acme'];
    if (tls?.acme === undefined || engine === 'kernel') return;
    if (engine === 'haproxy') fault(at, 'certificates are ordered for the http and tcp engines; use one of them');
    if (acme === undefined) fault(at, 'nobody is named to order from; add "acme:" at the top of the file');
    const seen = new Set<string>();
    tls.acme.forEach((host, k) => {
      const wrong = nameFault(host) ?? (seen.has(host.toLowerCase()) ? `"${host}" is there twice` : undefined);
      seen.add(host.toLowerCase());
      if (wrong !== undefined) fault([...at, k], wrong);
    });
  });
  if (acme === undefined) return findings;
  if (acme.terms_accepted !== true) {
    fault(
      ['acme'],
      'the authority issues to those who agree to its terms; read them, and write "terms_accepted: true"',
    );
  }
  if (acme.directory !== undefined && !isHttps(acme.directory)) {
    fault(['acme', 'directory'], `"${acme.directory}" is not an https URL, which RFC 8555 asks for`);
  }
  const isAsked = listeners.some(({ tls }) => tls?.acme !== undefined);
  if (
    isAsked &&
    acme.challenge !== 'tls-alpn-01' &&
    !listeners.some(({ engine = 'http', tls }) => engine === 'http' && tls === undefined)
  ) {
    fault(
      ['acme'],
      'the authority looks at http://NAME/ (HTTP-01); add a listener without "tls" at port 80, a redirect to https will do, or use "challenge: tls-alpn-01"',
    );
  }
  return findings;
}

function nameFault(host: string): string | undefined {
  if (isIP(host) !== 0) return `"${host}" is an address; certificates are ordered for names`;
  if (host.startsWith('*.')) return `"${host}" needs DNS-01, which Portico does not speak; write each name out`;
  const pattern = parseHostPattern(host);
  if (pattern?.port !== undefined) return `certificates know no ports; take it out of "${host}"`;
  if (host.endsWith('.')) return `certificates know no dot of the root; take it off "${host}"`;
  return hostFault(host, { isPattern: false });
}

function isHttps(text: string): boolean {
  return URL.canParse(text) && new URL(text).protocol === 'https:';
}
