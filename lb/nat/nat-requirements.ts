import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { formatIpAddress, parseIpAddress } from '../../config/ip-address.ts';
import type { EngineSnapshot } from '../engine/engine.ts';
import { familyOf } from './nat-ports.ts';

export interface Machine {
  /** Undefined where there is no such setting. */
  readonly setting: (path: string) => string | undefined;
  /** Every address of every interface. */
  readonly addresses: () => ReadonlySet<string>;
}

const FORWARDING = { 4: 'net/ipv4/ip_forward', 6: 'net/ipv6/conf/all/forwarding' } as const;

/** Why this machine does not forward as the config wants; a sentence that says what to do. Undefined: it does. */
export function whyNoForwarding(snapshot: EngineSnapshot, machine: Machine = thisMachine): string | undefined {
  const { listeners, backends } = snapshot;
  const own = machine.addresses();
  for (const { name, routes } of listeners) {
    const backend = backends.find((each) => each.name === routes[0]!.backend);
    for (const { host } of backend?.servers ?? []) {
      if (own.has(host)) continue;
      const path = FORWARDING[familyOf(host)];
      if (machine.setting(path)?.trim() !== '0') continue;
      const key = path.replaceAll('/', '.');
      return `${key} is 0, so the kernel forwards nothing from listener "${name}" to ${host}; set it to 1 (sysctl -w ${key}=1)`;
    }
  }
  return undefined;
}

const thisMachine: Machine = {
  setting: (path) => {
    try {
      return readFileSync(`/proc/sys/${path}`, 'latin1');
    } catch {
      return undefined;
    }
  },
  addresses: () =>
    new Set(
      Object.values(networkInterfaces())
        .flatMap((all) => all ?? [])
        .map(({ address }) => formatIpAddress(parseIpAddress(address)!)),
    ),
};
