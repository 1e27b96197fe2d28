import type { CounterDump } from '../netlink/counter-dump.ts';
import type { NetfilterState } from '../netlink/netfilter-state.ts';
import type { NatPlan, SourceRun } from './nat-plan.ts';
import { markOf, NatRuleset, type Waiting } from './nat-ruleset.ts';
import { type Nft, NftError, type NftObject } from './nft.ts';
import { changeRuleset, isInForce, type Ruleset, wholeRuleset } from './ruleset.ts';

/** The one table that Portico touches. */
export const PORTICO_TABLE = { family: 'inet', name: 'portico' } as const;

export interface NatTableDeps {
  readonly nft: Nft;
  readonly ruleCounters: Pick<CounterDump, 'read'>;
  readonly state: Pick<NetfilterState, 'rulesGeneration'>;
  readonly waiting: Waiting;
  /** The chain for packets that wait was made anew, and has no rule yet. */
  readonly onWaitChain: () => void;
}

export interface LeftTable {
  readonly isThere: boolean;
  /** Of the same config. */
  readonly isSame: boolean;
  /** Source ports that its rules give out. */
  readonly runs: readonly SourceRun[];
}

/** The table of rules: changes it in one transaction at a time, and finds out when somebody else has. */
export class NatTable {
  private readonly deps: NatTableDeps;
  private readonly rulesets: NatRuleset;
  private current: Ruleset | undefined = undefined;
  /** What the kernel counts of changes, as far as ours go. */
  private generation: number | undefined = undefined;

  constructor(deps: NatTableDeps) {
    this.deps = deps;
    this.rulesets = new NatRuleset(deps.waiting);
  }

  /** What an earlier run has left. Throws NftError where the table is another program's. */
  adopt(configHash: string): LeftTable {
    const listed = listNatTable(this.deps.nft);
    if (listed === undefined) return { isThere: false, isSame: false, runs: [] };
    const mark = markOf(listed);
    if (mark === undefined) {
      throw new NftError(
        `there is a table "inet ${PORTICO_TABLE.name}" that is not Portico's; remove or rename it (nft delete table inet ${PORTICO_TABLE.name})`,
      );
    }
    return { isThere: true, isSame: mark.configHash === configHash, runs: listed.flatMap(runsIn) };
  }

  /** Throws NftError; then nothing has changed. */
  put(plan: NatPlan): void {
    const { nft } = this.deps;
    const next = this.rulesets.make(plan);
    const commands =
      this.current === undefined ? wholeRuleset(PORTICO_TABLE, next) : changeRuleset(PORTICO_TABLE, this.current, next);
    if (commands.length > 0) {
      nft.run(commands);
      if (this.generation !== undefined) this.generation = (this.generation + 1) % 2 ** 32;
      if (this.current === undefined && this.deps.waiting === 'completed') this.deps.onWaitChain();
    }
    this.current = next;
  }

  /** The next `put` makes all of it anew. */
  forget(): void {
    this.current = undefined;
    this.generation = undefined;
  }

  /** Someone else has changed or removed the rules. Others may change their own as they like. */
  async isTouched(): Promise<boolean> {
    if (this.current === undefined) return false;
    const expected = this.generation;
    const generation = await this.deps.state.rulesGeneration();
    if (generation === expected) return false;
    this.generation = generation;
    const listed = listNatTable(this.deps.nft);
    return listed === undefined || !isInForce(listed, this.current);
  }

  /** Packets by counter; undefined before the first `put`. Throws NftError where the table is gone. */
  counters(): ReadonlyMap<string, number> | undefined {
    if (this.current === undefined) return undefined;
    const counted = this.deps.ruleCounters.read(PORTICO_TABLE.name);
    if (counted.size === 0) throw new NftError(`there is no table "inet ${PORTICO_TABLE.name}" any more`);
    return counted;
  }
}

/** What is in the table, Portico's or not; undefined where there is none of the name. */
export function listNatTable(nft: Nft): readonly NftObject[] | undefined {
  const tables = nft.run([{ list: { tables: { family: PORTICO_TABLE.family } } }]);
  const isThere = tables.some((each) => (each.table as { name?: string } | undefined)?.name === PORTICO_TABLE.name);
  return isThere ? nft.run([{ list: { table: PORTICO_TABLE } }]) : undefined;
}

/** The source ports of a rule that changes the source. */
function runsIn(object: NftObject): SourceRun[] {
  const { expr } = (object.rule as { expr?: readonly NftObject[] } | undefined) ?? {};
  return (expr ?? []).flatMap(({ snat }) => {
    const { addr, port } = (snat as { addr?: string; port?: number | { range: [number, number] } } | undefined) ?? {};
    if (addr === undefined || port === undefined) return [];
    const [first, last] = typeof port === 'number' ? [port, port] : port.range;
    return [{ address: addr, first, last }];
  });
}
