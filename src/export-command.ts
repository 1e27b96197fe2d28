import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import { parseDocument } from 'yaml';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { parseServerAddress } from '../config/server-address.ts';
import { EXPORTED_TLS, exportPlan } from '../lb/haproxy/export-plan.ts';
import { exportedTlsCommands } from '../lb/haproxy/exported-tls.ts';
import { haproxyConfig } from '../lb/haproxy/haproxy-config.ts';
import { staticRuleset } from '../lb/nat/static-ruleset.ts';
import { readVersion } from './version.ts';

export const EXPORTS = ['haproxy', 'nftables'] as const;

/** Configuration that runs without Portico, from the config of a file. */
export function exportConfig(format: (typeof EXPORTS)[number], config: Config, file: string): string {
  switch (format) {
    case 'haproxy': {
      const leftOut = beyondHaproxy(file);
      const plan = exportPlan(config);
      const tls = exportedTlsCommands(EXPORTED_TLS, plan);
      const first = tls.length === 0 ? [] : ['', ...TLS_FIRST, ...tls.map((line) => `  ${line}`)];
      return haproxyConfig(plan, { comments: [...comments('haproxy', file, leftOut), ...first.map(oneLine)] }).text;
    }
    case 'nftables': {
      const { text, leftOut } = staticRuleset(config);
      const lines = comments('nftables', file, leftOut).map((line) => `# ${line}`.trimEnd());
      return `${['#!/usr/sbin/nft -f', ...lines, '', text].join('\n')}`;
    }
    default:
      return format satisfies never;
  }
}

/** What the file asks for and HAProxy does not do: its own checks find it once every listener is HAProxy's. */
function beyondHaproxy(file: string): string[] {
  const document = parseDocument(readFileSync(file, 'utf8'));
  const { listeners = [], backends = [] } = document.toJS() as {
    listeners?: { engine?: string; protocol?: string; name: string }[];
    backends?: { name: string; workers?: unknown; servers?: { address?: string }[] }[];
  };
  const leftOut: string[] = [];
  listeners.forEach(({ engine = 'http', protocol, name }, i) => {
    if (protocol === 'udp') leftOut.push(`listener "${name}": HAProxy does not forward UDP`);
    if (engine === 'haproxy') return;
    document.setIn(['listeners', i, 'engine'], 'haproxy');
    document.setIn(['listeners', i, 'mode'], engine === 'http' ? 'http' : 'tcp');
  });
  for (const { name, workers } of backends) {
    if (workers !== undefined)
      leftOut.push(`backend "${name}": its servers are workers that Portico runs; give it servers`);
  }
  for (const { name, servers = [] } of backends) {
    for (const { address = '' } of Array.isArray(servers) ? servers : []) {
      if (parseServerAddress(address)?.kind === 'name')
        leftOut.push(
          `backend "${name}": of ${address} each line takes one address; for more of them, "server-template" takes a number`,
        );
    }
  }
  const context = { file, directory: dirname(file), cpuCount: availableParallelism() };
  const result = loadConfig(document.toString(), context);
  return [...leftOut, ...(result.ok ? [] : result.faults.map(({ path, message }) => `${path}: ${message}`))];
}

const HOW = {
  haproxy: [
    'Start it with: haproxy -W -f FILE. HAProxy 2.6 or newer takes it.',
    'Addresses that Portico claims have to be added to their interface first (ip address add).',
    'Each server stands once for each source address: one address reaches one server 64,512 times at once, and no more.',
    '"maxconn" is the number of its ports, so that a source that has none left is passed over; what finds none waits for "timeout queue".',
    'Servers are checked once each, in the backends that begin with ck_, from ports of their own; the others follow by "track".',
  ],
  nftables: [
    'Start it with: nft -f FILE; end it with: nft delete table inet portico_static.',
    'Needs net.ipv4.ip_forward=1 (net.ipv6.conf.all.forwarding=1), and routes by which answers come back to this machine.',
    'Addresses that Portico claims have to be added to their interface first (ip address add).',
    'Each new connection gets the next server, and the next block of 128 source ports.',
  ],
} as const;

const TLS_FIRST = [
  'HAProxy reads a certificate and its key from one file. As root, first, and again when they change (then reload HAProxy):',
];

/** What is in a comment stays in it. */
const oneLine = (text: string): string => text.replaceAll(/[\n\r]/g, ' ');

function comments(format: keyof typeof HOW, file: string, leftOut: readonly string[]): string[] {
  return [
    oneLine(`Written by Portico ${readVersion()} from ${file}; runs without it.`),
    ...HOW[format],
    ...(leftOut.length === 0 ? [] : ['', 'Not taken over:', ...leftOut.map((line) => oneLine(`  ${line}`))]),
  ];
}
