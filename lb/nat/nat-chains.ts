import type { Family, NatListener, NatTarget, Protocol, SourceRun } from './nat-plan.ts';
import type { NftObject } from './nft.ts';
import type { Chain } from './ruleset.ts';

// The chains of the table. A first packet comes in through `pre` or `out`, to its listener's chain and on to a `to` chain, which changes its
// destination; and leaves through `post` or `in`, a `from` chain and a `run` chain, which changes its source.

/** More than tickets, and less than the counter's 32 bits. */
const NEVER_AGAIN = 1 << 30;
/** Any number: that other programs have others is all there is to it. */
const SEED = 0x706f7274;
const HASH_SLOTS_AT_LEAST = 1;
const FIN_SYN_RST_ACK = 0x17;
const SYN = 0x02;

/** Tickets are counted by two counters in turn, so that it is certain by which ones a connection went while they changed. */
export const fromCounter = (id: number, serial: number): string => `from_${id}_${serial % 2}`;
export const acceptedCounter = (id: number): string => `accepted_${id}`;
export const refusedCounter = (id: number): string => `refused_${id}`;
/** First packets that waited; each comes by `accepted` once more afterwards. */
export const heldCounter = (id: number): string => `held_${id}`;
/** Hands a first packet over to the process of the engine, which lets it come again. */
export const WAIT_CHAIN = 'wait';
/** Number of the kernel's packet queues (NFQUEUE): any that nobody else uses. */
export const WAIT_QUEUE = 0x706f;
/** How rules know packets that have waited: may once more, or must not. */
export const MARK_RETRY = 0x706f_0001;
export const MARK_LAST = 0x706f_0002;
/** First packets that a target let in and for which there was no ticket: only those under way while tickets changed. */
export const UNPLACED = 'unplaced';

export const runName = ({ address, first, last }: SourceRun): string =>
  `run_${address.replaceAll(':', '.')}_${first}_${last}`;
const goName = (id: number): string => `go_${id}`;
const toName = (id: number): string => `to_${id}`;
const fromName = (id: number): string => `from_${id}`;
const listenerName = (id: number): string => `listener_${id}`;

const ip = (family: Family): 'ip' | 'ip6' => (family === 4 ? 'ip' : 'ip6');
const match = (left: unknown, right: unknown, op = '=='): NftObject => ({ match: { op, left, right } });
const payload = (protocol: string, field: string): NftObject => ({ payload: { protocol, field } });
const isProtocol = (protocol: Protocol): NftObject => match({ meta: { key: 'l4proto' } }, protocol);
const count = (name: string): NftObject => ({ counter: name });
const turn = (mod: number): NftObject => ({ numgen: { mode: 'inc', mod, offset: 0 } });
const vmap = (key: NftObject, set: readonly unknown[]): NftObject => ({ vmap: { key, data: { set } } });

/** A source address and some of its ports. */
export function runChain(run: SourceRun): Chain {
  const family = ip(run.address.includes(':') ? 6 : 4);
  const port = run.first === run.last ? run.first : { range: [run.first, run.last] };
  return {
    name: runName(run),
    rules: [
      [match({ meta: { key: 'l4proto' } }, { set: ['tcp', 'udp'] }), { snat: { family, addr: run.address, port } }],
    ],
  };
}

/** Changes the destination. */
export function goChain({ id, family, protocol, host, port }: NatTarget): Chain {
  const mark = { meta: { key: 'mark' } };
  return {
    name: goName(id),
    rules: [
      // Nobody else is to meet it.
      [match(mark, { set: [MARK_RETRY, MARK_LAST] }), { mangle: { key: mark, value: 0 } }],
      [isProtocol(protocol), { dnat: { family: ip(family), addr: host, port } }],
    ],
  };
}

/** Goes to the target as long as there are tickets; falls through where there are none. */
export function toChain({ id, tickets }: NatTarget): Chain {
  const { order, isLimited } = tickets;
  const go = [{ goto: { target: goName(id) } }];
  const gate = isLimited ? [match(turn(NEVER_AGAIN), order.length, '<')] : [];
  return { name: toName(id), rules: order.length === 0 ? [] : [[...gate, ...go]] };
}

/** Changes the source by the next ticket. */
export function fromChain({ id, serial, tickets }: NatTarget): Chain {
  const { order, runs, isLimited } = tickets;
  const places = order.map((run, i) => [i, { goto: { target: runName(runs[run]!) } }]);
  const next = [count(fromCounter(id, serial)), vmap(turn(isLimited ? NEVER_AGAIN : order.length), places)];
  // The client sends such a packet again, and then there is a ticket or a refusal for it.
  const nothing = [count(UNPLACED), { drop: null }];
  return { name: fromName(id), rules: order.length === 0 ? [nothing] : [next, nothing] };
}

/** `isNative`: the kernel has `queue` in nftables; else the one rule comes by another way. Where nobody listens, packets go on. */
export const waitChain = (isNative: boolean): Chain => ({
  name: WAIT_CHAIN,
  rules: isNative ? [[{ queue: { num: WAIT_QUEUE, flags: ['bypass'] } }]] : [],
  isCompleted: !isNative,
});

/** Chooses the target. Where none has a port left the packet waits for one, if it may; where none is there or it has waited, it is refused. */
export function listenerChain(
  { id, family, protocol, isServed, choice, others }: NatListener,
  canWait: boolean,
): Chain {
  const { by, slots } = choice;
  const places = slots.map((target, i) => [i, { jump: { target: toName(target) } }]);
  const key =
    by === 'turn'
      ? turn(Math.max(HASH_SLOTS_AT_LEAST, slots.length))
      : { jhash: { mod: slots.length, offset: 0, expr: payload(ip(family), 'saddr'), seed: SEED } };
  const isOne = new Set(slots).size === 1;
  const first = isOne ? { jump: { target: toName(slots[0]!) } } : vmap(key, places);
  const wait = [
    isProtocol(protocol),
    // Marks of others stay what they are.
    match({ meta: { key: 'mark' } }, { set: [0, MARK_RETRY] }),
    count(heldCounter(id)),
    { jump: { target: WAIT_CHAIN } },
  ];
  const reject = protocol === 'tcp' ? { type: 'tcp reset' } : { type: 'icmpx', expr: 'port-unreachable' };
  return {
    name: listenerName(id),
    rules: [
      [count(acceptedCounter(id))],
      ...(slots.length === 0 ? [] : [[first]]),
      ...others.map((target) => [{ jump: { target: toName(target) } }]),
      ...(canWait && isServed && protocol === 'tcp' ? [wait] : []),
      [isProtocol(protocol), count(refusedCounter(id)), { reject }],
    ],
  };
}

function isFor({ family, host, port, protocol }: NatListener): NftObject[] {
  return [
    match({ meta: { key: 'nfproto' } }, family === 4 ? 'ipv4' : 'ipv6'),
    host === undefined
      ? match({ fib: { result: 'type', flags: ['daddr'] } }, 'local')
      : match(payload(ip(family), 'daddr'), host),
    match(payload(protocol, 'dport'), port),
    // Connections from before the rules, to a process that had the port, are no business of theirs: tracking takes them for new ones.
    ...(protocol === 'tcp' ? [match({ '&': [payload('tcp', 'flags'), FIN_SYN_RST_ACK] }, SYN)] : []),
  ];
}

/** Of what comes in, and of what this machine sends. `priority`: before other programs' rules for the same packets. */
export function entryChains(listeners: readonly NatListener[]): Chain[] {
  const rules = (isLocal: boolean): NftObject[][] =>
    listeners.map((listener) => [
      ...isFor(listener),
      // An answer to a loopback address would not be taken from another interface.
      ...(isLocal ? [match(payload(ip(listener.family), 'saddr'), loopback(listener.family), '!=')] : []),
      { goto: { target: listenerName(listener.id) } },
    ]);
  return [
    { name: 'pre', base: { hook: 'prerouting', priority: -110 }, rules: rules(false) },
    { name: 'out', base: { hook: 'output', priority: -110 }, rules: rules(true) },
  ];
}

const loopback = (family: Family): unknown => (family === 4 ? { prefix: { addr: '127.0.0.0', len: 8 } } : '::1');

/** Of what goes to another machine, and of what ends on this one. Before other programs' masquerading. */
export function exitChains(listeners: readonly NatListener[]): Chain[] {
  const rules = listeners
    .filter(({ targets }) => targets.length > 0)
    .map(({ family, host, port, protocol, targets }) => [
      match({ meta: { key: 'nfproto' } }, family === 4 ? 'ipv4' : 'ipv6'),
      isProtocol(protocol),
      match({ ct: { key: 'status' } }, 'dnat', 'in'),
      match({ ct: { key: 'proto-dst', dir: 'original' } }, port),
      ...(host === undefined ? [] : [match({ ct: { key: `${ip(family)} daddr`, dir: 'original' } }, host)]),
      vmap(
        { concat: [payload(ip(family), 'daddr'), payload(protocol, 'dport')] },
        targets.map((target) => [{ concat: [target.host, target.port] }, { goto: { target: fromName(target.id) } }]),
      ),
    ]);
  return [
    { name: 'post', base: { hook: 'postrouting', priority: 90 }, rules },
    { name: 'in', base: { hook: 'input', priority: 90 }, rules },
  ];
}
