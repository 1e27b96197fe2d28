import type { Config, SourcePoolConfig } from './config.ts';
import type { Finding } from './finding.ts';
import type { ConfigFile } from './schema.ts';
import { serverPath } from './server-path.ts';

/** What the kernel's own forwarding cannot do. References that point nowhere are a fault of their own, and passed over. */
export function checkKernel(file: ConfigFile, config: Config): Finding[] {
  const findings: Finding[] = [];
  config.listeners.forEach((listener, i) => {
    const fault = (key: string, message: string): void => void findings.push({ path: ['listeners', i, key], message });
    if (listener.engine !== 'kernel') {
      if (listener.protocol === 'udp') fault('protocol', 'udp is for the kernel engine; set "engine" to kernel');
      return;
    }
    if (listener.port === 0) fault('bind', 'the kernel engine needs a port; give one that is not 0');
    const at = config.backends.findIndex(({ name }) => name === listener.routes[0]?.backend);
    const backend = config.backends[at];
    if (backend === undefined) return;
    const inBackend = (path: readonly (string | number)[], message: string): void =>
      void findings.push({ path: ['backends', at, ...path], message });
    if (backend.workers !== undefined) {
      inBackend(['workers'], 'workers listen on 127.0.0.1, where the kernel forwards nothing to; use the http engine');
    }
    if (backend.balance === 'peak-ewma') {
      inBackend(['balance'], 'the kernel engine sees no response times; use least-connections');
    }
    if ((backend.balance === 'hash' || backend.balance === 'maglev') && backend.hash.by !== 'client') {
      inBackend(['hash'], `the kernel engine sees no ${backend.hash.by}; use "hash: client"`);
    }
    const isSix = listener.host.includes(':');
    const isBoth = listener.host === '::';
    backend.servers.forEach((server) => {
      const { host } = server;
      const atServer = (message: string): void =>
        void findings.push({ path: [...serverPath(file, at, server), 'address'], message });
      if (isLoopback(host)) {
        atServer(
          `the kernel forwards nothing to ${host}; give another address of this machine, or use the http engine`,
        );
      } else if (!isBoth && host.includes(':') !== isSix) {
        atServer(
          `clients of listener "${listener.name}" come by ${isSix ? 'IPv6' : 'IPv4'}, and the kernel does not translate one into the other`,
        );
      }
    });
    const pool = config.sources.find(({ name }) => name === backend.source);
    if (pool !== undefined && pool.addresses.length > 0 && pool.addresses.every(isLoopback)) {
      inBackend([], loopbackPool(pool));
    }
  });
  return findings;
}

const loopbackPool = ({ name }: SourcePoolConfig): string =>
  `source pool "${name}" has only loopback addresses, which the kernel forwards nothing from; give it addresses of this machine and name it in "source"`;

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}
