import {
  acceptedCounter,
  entryChains,
  exitChains,
  fromChain,
  fromCounter,
  goChain,
  heldCounter,
  listenerChain,
  refusedCounter,
  runChain,
  runName,
  toChain,
  UNPLACED,
  waitChain,
} from './nat-chains.ts';
import type { NatPlan } from './nat-plan.ts';
import type { NftObject } from './nft.ts';
import type { Chain, Ruleset } from './ruleset.ts';

/** The chain, never used, whose name says that the table is Portico's, and of which config. */
const MARK = 'portico_config_';

/** How first packets can wait for a port: not at all, by `queue` of nftables, or by a rule that nftables does not know itself. */
export type Waiting = 'none' | 'native' | 'completed';

/** Makes rulesets of plans; chains of which nothing has changed are the same objects as the last time. */
export class NatRuleset {
  private readonly waiting: Waiting;
  private last = new Map<string, { readonly key: string; readonly chain: Chain }>();

  constructor(waiting: Waiting) {
    this.waiting = waiting;
  }

  make(plan: NatPlan): Ruleset {
    const { configHash, listeners, targets, runs } = plan;
    const next = new Map<string, { readonly key: string; readonly chain: Chain }>();
    const add = (name: string, key: string, make: () => Chain): void => {
      const known = this.last.get(name);
      const entry = known?.key === key ? known : { key, chain: make() };
      next.set(name, entry);
    };
    const addChain = (chain: Chain): void => add(chain.name, JSON.stringify(chain.rules), () => chain);
    addChain({ name: `${MARK}${configHash}`, rules: [] });
    for (const run of runs) add(runName(run), '', () => runChain(run));
    for (const target of targets) {
      // Both, or neither: the n-th connection let in takes the n-th ticket.
      const key = `${target.serial}`;
      addChain(goChain(target));
      add(`to_${target.id}`, key, () => toChain(target));
      add(`from_${target.id}`, key, () => fromChain(target));
    }
    const canWait = this.waiting !== 'none';
    if (canWait) addChain(waitChain(this.waiting === 'native'));
    for (const listener of listeners) addChain(listenerChain(listener, canWait));
    for (const chain of [...entryChains(listeners), ...exitChains(listeners)]) addChain(chain);
    this.last = next;
    return {
      counters: new Set([
        UNPLACED,
        ...targets.flatMap(({ id }) => [fromCounter(id, 0), fromCounter(id, 1)]),
        ...listeners.flatMap(({ id }) => [acceptedCounter(id), heldCounter(id), refusedCounter(id)]),
      ]),
      chains: new Map([...next].map(([name, { chain }]) => [name, chain])),
    };
  }
}

/** What a listed table says of itself: undefined where it is not Portico's. */
export function markOf(listed: readonly NftObject[]): { readonly configHash: string } | undefined {
  for (const object of listed) {
    const name = (object.chain as { name?: string } | undefined)?.name;
    if (name?.startsWith(MARK)) return { configHash: name.slice(MARK.length) };
  }
  return undefined;
}
