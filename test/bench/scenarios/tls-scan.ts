import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CertificateMaker } from '../../fixtures/certificates.ts';
import type { Bench, Scenario, Section } from '../scenario.ts';
import { startPorticoWith } from '../subjects/portico.ts';

/** Counted from the first port of the benchmark; the second is the one of the admin server, the third of the other listener. */
const PORT = 184;
const NAME = 'a.example';
const LISTS = ['intermediate', 'modern'] as const;
/** Worst last; the first three are no findings. */
const SEVERITIES = ['DEBUG', 'OK', 'INFO', 'WARN', 'LOW', 'MEDIUM', 'HIGH', 'CRITICAL', 'FATAL'];
/**
 * What is not the listener's: the authority is made for the run and says nowhere what it has revoked, headers such as X-Frame-Options are the
 * application's, and testssl.sh hangs up before the tickets of TLS 1.3 have come (of nginx, whose tickets work as well, it says then that it has none).
 */
const OF_OTHERS = /^(cert_revocation|security_headers) |^sessionresumption_ticket WARN/;

interface Finding {
  readonly id: string;
  readonly severity: string;
  readonly finding: string;
}

/** What testssl.sh has to say of each list of ciphers, with an ECDSA and an RSA certificate. */
export const tlsScan: Scenario = { name: 'tls-scan', needs: [], run };

async function run(bench: Bench): Promise<Section> {
  const { children, options, directory } = bench;
  const maker = new CertificateMaker();
  const certificates = (['ec', 'rsa'] as const).map((kind) => maker.leaf({ names: [NAME], kind, days: 90 }));
  const pairs = certificates.map(({ cert, key }) => `{ cert: ${cert}, key: ${key} }`).join(', ');
  const port = options.basePort + PORT;
  const listener = (ciphers: string, i: number): string =>
    `  - { name: ${ciphers}, bind: "127.0.0.1:${port + 2 * i}", tls: { certificates: [${pairs}], ciphers: ${ciphers}, hsts: {} }, routes: [{ answer: { body: hello } }] }`;
  const subject = await startPorticoWith(
    { role: 'portico', port, servers: [], directory, children, isPinned: options.isPinned },
    `listeners:\n${LISTS.map(listener).join('\n')}\nbackends: [{ name: app, servers: [{ address: "127.0.0.1:9" }] }]\n`,
  );
  try {
    const rows: string[][] = [];
    let worse = 0;
    for (const [i, list] of LISTS.entries()) {
      const findings = await scan(bench, port + 2 * i, maker.ca);
      const bad = findings.filter(({ severity }) => SEVERITIES.indexOf(severity) > SEVERITIES.indexOf('INFO'));
      const isOfOthers = ({ id, severity }: Finding): boolean => OF_OTHERS.test(`${id} ${severity}`);
      const [ours, theirs] = [bad.filter((each) => !isOfOthers(each)), bad.filter(isOfOthers)];
      worse += ours.length;
      const written = (some: readonly Finding[]): string =>
        some.map(({ id, severity, finding }) => `${id} ${severity}: ${finding.slice(0, 80)}`).join('; ') || 'none';
      rows.push([list, String(findings.length), written(ours), written(theirs)]);
    }
    return {
      title: 'What testssl.sh finds',
      text: 'testssl.sh against a listener with an ECDSA and an RSA certificate of an authority made for it, and HSTS. The last column is what no listener can mend: such an authority says nowhere what it has revoked, headers such as X-Frame-Options are the application’s, and testssl.sh hangs up before it has the tickets of TLS 1.3.',
      columns: ['ciphers', 'checks', 'above INFO', 'above INFO, not of the listener'],
      rows,
      targets: [{ what: 'findings above INFO', value: String(worse), bound: '0', isMet: worse === 0 }],
    };
  } finally {
    await subject.stop();
  }
}

async function scan({ children, directory }: Bench, port: number, ca: string): Promise<readonly Finding[]> {
  const file = join(directory, `testssl-${port}.json`);
  const args = [
    '--ip',
    '127.0.0.1',
    '--nodns',
    'none',
    '--add-ca',
    ca,
    '--jsonfile',
    file,
    '--warnings',
    'off',
    '--color',
    '0',
    '--quiet',
  ];
  const child = children.spawn('testssl', [...args, `${NAME}:${port}`], { stdio: 'ignore' });
  child.on('error', () => {});
  if (child.pid === undefined) throw new Error('testssl cannot be started; is testssl.sh installed?');
  await once(child, 'exit');
  return JSON.parse(readFileSync(file, 'utf8')) as Finding[];
}
