import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launch, until } from '../launch.ts';
import type { Subject, SubjectOptions } from '../subject.ts';

export const MAIN = fileURLToPath(new URL('../../../src/main.js', import.meta.url));

/** `pipelining` as portico.yaml has it. */
export function startPortico(options: SubjectOptions, pipelining: number): Promise<Subject> {
  const { port, servers, accessLog, tls } = options;
  const log = accessLog === undefined ? '' : `, access_log: { file: ${accessLog}, buffer: 8MiB }`;
  const secure = tls === undefined ? '' : `, tls: { certificates: [{ cert: ${tls.cert}, key: ${tls.key} }] }`;
  return startPorticoWith(
    options,
    `sources: [{ name: default, addresses: [127.0.1.1-127.0.1.4] }]
listeners: [{ name: web, bind: "127.0.0.1:${port}", backend: app${log}${secure} }]
backends:
  - name: app
    pipelining: ${pipelining}
    connections_per_server: 20000
    servers: [${servers.map((server) => `{ address: "127.0.0.1:${server}" }`).join(', ')}]
`,
  );
}

/** Starts one plane, or more, with these sources, listeners and backends. */
export async function startPorticoWith(options: SubjectOptions, config: string, planes = 1): Promise<Subject> {
  const { role, port, directory, children } = options;
  const file = join(directory, `portico-${port}.yaml`);
  const adminPort = port + 1;
  writeFileSync(
    file,
    `planes: ${planes}
drain_timeout: 1s
admin: { listen: 127.0.0.1:${adminPort} }
${config}`,
  );
  const child = await launch(process.execPath, [MAIN, 'run', '-c', file], options);
  const pid = await until('Portico to be ready', async () => {
    const response = await fetch(`http://127.0.0.1:${adminPort}/api/v1/status`).catch(() => undefined);
    const status = (await response?.json()) as { ready: boolean; planes: { pid: number }[] } | undefined;
    return status?.ready === true && status.planes[0]!.pid;
  });
  return { role, port, pid, primary: { pid: child.pid!, adminPort }, stop: () => children.end(child) };
}
