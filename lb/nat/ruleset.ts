import type { NftObject } from './nft.ts';

/** A chain of nftables; the same object as long as nothing about it changes. */
export interface Chain {
  readonly name: string;
  readonly base?: { readonly hook: string; readonly priority: number };
  /** The statements of each rule. */
  readonly rules: readonly (readonly NftObject[])[];
  /** There is more in it, put there by another way. */
  readonly isCompleted?: boolean;
}

/** What is in a table. */
export interface Ruleset {
  readonly counters: ReadonlySet<string>;
  readonly chains: ReadonlyMap<string, Chain>;
}

export interface TableName {
  readonly family: 'inet';
  readonly name: string;
}

/** Puts the whole ruleset in the place of what there is of the table, in one transaction: connections that are open notice nothing. */
export function wholeRuleset(table: TableName, ruleset: Ruleset): NftObject[] {
  return [
    { add: { table } },
    { delete: { table } },
    { add: { table } },
    ...[...ruleset.counters].map((name) => ({ add: { counter: inTable(table, name) } })),
    ...[...ruleset.chains.values()].map((chain) => addChain(table, chain)),
    ...[...ruleset.chains.values()].flatMap((chain) => addRules(table, chain)),
  ];
}

/** What makes `after` of `before`; nothing, where they are the same. */
export function changeRuleset(table: TableName, before: Ruleset, after: Ruleset): NftObject[] {
  const chains = [...after.chains.values()];
  const added = chains.filter(({ name }) => !before.chains.has(name));
  const changed = chains.filter((chain) => before.chains.has(chain.name) && before.chains.get(chain.name) !== chain);
  const gone = [...before.chains.values()].filter(({ name }) => !after.chains.has(name));
  const counters = [...after.counters].filter((name) => !before.counters.has(name));
  const goneCounters = [...before.counters].filter((name) => !after.counters.has(name));
  return [
    ...counters.map((name) => ({ add: { counter: inTable(table, name) } })),
    ...added.map((chain) => addChain(table, chain)),
    ...[...changed, ...gone].map(({ name }) => ({ flush: { chain: inTable(table, name) } })),
    ...[...changed, ...added].flatMap((chain) => addRules(table, chain)),
    ...gone.map(({ name }) => ({ delete: { chain: inTable(table, name) } })),
    ...goneCounters.map((name) => ({ delete: { counter: inTable(table, name) } })),
  ];
}

/** Whether what `nft list table` gives has the chains of the ruleset, each with as many rules. */
export function isInForce(listed: readonly NftObject[], { chains }: Ruleset): boolean {
  const rules = new Map<string, number>();
  for (const object of listed) {
    if ('chain' in object) rules.set((object.chain as { name: string }).name, 0);
    if (!('rule' in object)) continue;
    const { chain } = object.rule as { chain: string };
    rules.set(chain, (rules.get(chain) ?? 0) + 1);
  }
  return (
    rules.size === chains.size &&
    [...chains.values()].every(
      ({ name, rules: own, isCompleted }) => isCompleted === true || rules.get(name) === own.length,
    )
  );
}

const inTable = ({ family, name: table }: TableName, name: string): NftObject => ({ family, table, name });

function addChain(table: TableName, { name, base }: Chain): NftObject {
  const hooked =
    base === undefined ? {} : { type: 'nat', hook: base.hook, prio: base.priority, policy: 'accept' as const };
  return { add: { chain: { ...inTable(table, name), ...hooked } } };
}

function addRules({ family, name: table }: TableName, { name: chain, rules }: Chain): NftObject[] {
  return rules.map((expr) => ({ add: { rule: { family, table, chain, expr } } }));
}
