import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Ports of the clients whose connections to these ports of 127.0.0.1 this process has accepted. Stop the process first: it accepts more all the time. */
export function clientPortsOf(pid: number, listening: readonly number[]): ReadonlySet<number> {
  const inodes = new Set<string>();
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    const target = readlinkSync(`/proc/${pid}/fd/${fd}`);
    if (target.startsWith('socket:[')) inodes.add(target.slice('socket:['.length, -1));
  }
  const ports = new Set<number>();
  for (const line of readFileSync('/proc/net/tcp', 'latin1').split('\n').slice(1)) {
    // proc_net_tcp(5): sl local_address rem_address st tx:rx tr:tm retrnsmt uid timeout inode
    const [, local = '', remote = '', , , , , , , inode = ''] = line.trim().split(/\s+/);
    if (inodes.has(inode) && listening.includes(portOf(local))) ports.add(portOf(remote));
  }
  return ports;
}

const portOf = (endpoint: string): number => Number.parseInt(endpoint.split(':')[1] ?? '', 16);
