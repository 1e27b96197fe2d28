import { release, setPriority } from 'node:os';
import { systemClock } from './clock.ts';
import type { NatCommand, NatEvent } from './control/nat-messages.ts';
import { WAIT_QUEUE } from './nat/nat-chains.ts';
import { NatEngine, type NatEngineDeps } from './nat/nat-engine.ts';
import { whyNoForwarding } from './nat/nat-requirements.ts';
import type { Nft } from './nat/nft.ts';
import { openNftLibrary } from './nat/nft-library.ts';
import { canQueue } from './nat/nft-queue.ts';
import { openConntrackDump } from './netlink/conntrack-dump.ts';
import { openConntrackEraser } from './netlink/conntrack-eraser.ts';
import { openCounterDump } from './netlink/counter-dump.ts';
import { NetfilterState } from './netlink/netfilter-state.ts';
import { type HeldPacket, openPacketQueue } from './netlink/packet-queue.ts';

// The process of the kernel engine. The primary forks it and speaks lb/control/nat-messages.ts with it. It carries no traffic: should it end,
// the kernel goes on by the rules that there are.

const send = (event: NatEvent): void => {
  if (!process.connected) return;
  // The primary tries again later, with a process that knows nothing of what went wrong.
  if (event.type === 'failed') process.send!(event, () => process.exit(1));
  else process.send!(event);
};

/** The kernel evicts ended connections from a full range of ports since 6.3 (nf_nat_used_tuple_harder). */
function canEvict(): boolean {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  return major > 6 || (major === 6 && minor >= 3);
}

/** `nft`: to try whether nftables itself knows `queue`. Undefined where the kernel has no queues, or another program has ours. */
async function openQueue(nft: Nft, onHeld: (packet: HeldPacket) => void): Promise<NatEngineDeps['queue']> {
  try {
    const packets = await openPacketQueue(WAIT_QUEUE, onHeld);
    return { packets, isNative: canQueue(nft) };
  } catch {
    return undefined;
  }
}

async function openEngine(): Promise<NatEngine | undefined> {
  try {
    const nft = openNftLibrary();
    const queue = await openQueue(nft, (packet) => opened?.onHeld(packet));
    return new NatEngine({
      clock: systemClock,
      nft,
      queue,
      dump: openConntrackDump(),
      eraser: openConntrackEraser(),
      ruleCounters: openCounterDump(),
      state: new NetfilterState(),
      send,
      canEvict: canEvict(),
      whyNot: whyNoForwarding,
    });
  } catch (error) {
    const { code = 'KERNEL', message } = error as Error & { code?: string };
    send({ type: 'failed', code, message });
    return undefined;
  }
}

try {
  // It works little and seldom, but the next connections wait for what it finds.
  setPriority(-10);
} catch {
  // Without the privilege it is as good as any process.
}
const exit = (): void => process.exit(0);
let opened: NatEngine | undefined;
const engine = await openEngine();
opened = engine;
process.on('message', (command: NatCommand) => {
  if (command.type === 'ping') send({ type: 'pong' });
  else engine?.handle(command, exit);
});
process.on('disconnect', () => {
  if (engine === undefined) exit();
  else engine.handle({ type: 'part' }, exit);
});
// A terminal sends Ctrl-C to the whole process group; the primary decides what it means.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
send({ type: 'hello' });
