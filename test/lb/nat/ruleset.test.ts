import t from 'tap';
import { MARK_RETRY } from '../../../lb/nat/nat-chains.ts';
import type { NatPlan } from '../../../lb/nat/nat-plan.ts';
import { markOf, NatRuleset, type Waiting } from '../../../lb/nat/nat-ruleset.ts';
import { isOlder } from '../../../lb/nat/nft-version.ts';
import { changeRuleset, isInForce, wholeRuleset } from '../../../lb/nat/ruleset.ts';

const TABLE = { family: 'inet', name: 'portico' } as const;
const RUNS = [
  { address: '10.0.0.1', first: 1024, last: 1151 },
  { address: '10.0.0.2', first: 1024, last: 1024 },
];

function planOf(order: readonly number[], serial: number, { isLimited = true, runs = RUNS } = {}): NatPlan {
  const target = {
    id: 1,
    family: 4 as const,
    protocol: 'tcp' as const,
    host: '10.1.0.1',
    port: 80,
    tickets: { runs: RUNS, order, isLimited },
    serial,
  };
  const open = order.length > 0 ? [1] : [];
  return {
    configHash: 'abc',
    listeners: [
      {
        id: 0,
        protocol: 'tcp',
        family: 4,
        host: '192.0.2.1',
        port: 8080,
        targets: [target],
        choice: { by: 'turn', slots: open },
        isServed: true,
        others: open,
      },
    ],
    targets: [target],
    runs,
  };
}

const rulesOf = (plan: NatPlan, chain: string) => new NatRuleset('none').make(plan).chains.get(chain)!.rules;

t.test('a target lets in as many as there are tickets, each to its run, and then refuses', async (t) => {
  t.same(rulesOf(planOf([0, 1, 0], 1), 'to_1'), [
    [
      { match: { op: '<', left: { numgen: { mode: 'inc', mod: 1 << 30, offset: 0 } }, right: 3 } },
      { goto: { target: 'go_1' } },
    ],
  ]);
  t.same(rulesOf(planOf([0], 1), 'go_1').at(-1), [
    { match: { op: '==', left: { meta: { key: 'l4proto' } }, right: 'tcp' } },
    { dnat: { family: 'ip', addr: '10.1.0.1', port: 80 } },
  ]);
  const [next, nothing] = rulesOf(planOf([0, 1, 0], 1), 'from_1');
  t.match(next, [
    { counter: 'from_1_1' },
    {
      vmap: {
        data: {
          set: [
            [0, { goto: { target: 'run_10.0.0.1_1024_1151' } }],
            [1, { goto: { target: 'run_10.0.0.2_1024_1024' } }],
            [2, { goto: { target: 'run_10.0.0.1_1024_1151' } }],
          ],
        },
      },
    },
  ]);
  t.same(nothing, [{ counter: 'unplaced' }, { drop: null }]);
  t.same(rulesOf(planOf([], 1), 'to_1'), [], 'without a ticket nothing is let in');
  t.same(rulesOf(planOf([], 1), 'listener_0').at(-1), [
    { match: { op: '==', left: { meta: { key: 'l4proto' } }, right: 'tcp' } },
    { counter: 'refused_0' },
    { reject: { type: 'tcp reset' } },
  ]);
  t.equal(rulesOf(planOf([0], 1, { isLimited: false }), 'to_1')[0]!.length, 1, 'without a limit there is no gate');
});

t.test('where first packets can wait, they do so once before they are refused', async (t) => {
  const chains = (waiting: Waiting) => new NatRuleset(waiting).make(planOf([], 1)).chains;
  t.match(chains('native').get('listener_0')!.rules.at(-2), [
    {},
    { match: { left: { meta: { key: 'mark' } }, right: { set: [0, MARK_RETRY] } } },
    { counter: 'held_0' },
    { jump: { target: 'wait' } },
  ]);
  t.match(chains('native').get('wait')!.rules, [[{ queue: { flags: ['bypass'] } }]]);
  const completed = new NatRuleset('completed').make(planOf([], 1));
  t.same(completed.chains.get('wait')!.rules, [], 'its rule comes by another way');
  const listed = [...completed.chains.values()].flatMap(({ name, rules }) => [
    { chain: { name } },
    ...rules.map(() => ({ rule: { chain: name } })),
  ]);
  t.equal(isInForce([...listed, { rule: { chain: 'wait' } }], completed), true);
  t.equal(chains('none').has('wait'), false);
  t.equal(chains('none').get('listener_0')!.rules.length, 2);
});

t.test('a change touches what has changed', async (t) => {
  const rulesets = new NatRuleset('none');
  const before = rulesets.make(planOf([0, 1], 1));
  t.same(changeRuleset(TABLE, before, rulesets.make(planOf([0, 1], 1))), []);
  const other = rulesets.make(planOf([1, 0], 2));
  const names = (commands: readonly object[]): string[] => commands.map((each) => JSON.stringify(each).slice(0, 60));
  t.same(
    changeRuleset(TABLE, before, other).map((command) => Object.keys(command)[0]),
    ['flush', 'flush', 'add', 'add', 'add'],
    names(changeRuleset(TABLE, before, other)).join(),
  );
  const fewer = rulesets.make(planOf([0], 3, { runs: RUNS.slice(0, 1) }));
  t.same(changeRuleset(TABLE, other, fewer).at(-1), {
    delete: { chain: { family: 'inet', table: 'portico', name: 'run_10.0.0.2_1024_1024' } },
  });
});

t.test('the whole table comes in the place of the old one', async (t) => {
  const ruleset = new NatRuleset('none').make(planOf([0], 1));
  t.same(wholeRuleset(TABLE, ruleset).slice(0, 3), [
    { add: { table: TABLE } },
    { delete: { table: TABLE } },
    { add: { table: TABLE } },
  ]);
  const chains = [...ruleset.chains.values()];
  const listed = chains.flatMap(({ name, rules }) => [
    { chain: { name } },
    ...rules.map(() => ({ rule: { chain: name } })),
  ]);
  t.equal(isInForce(listed, ruleset), true);
  t.equal(isInForce(listed.slice(0, -1), ruleset), false, 'a rule is gone');
  t.equal(isInForce([...listed, { chain: { name: 'mine' } }], ruleset), false, 'a chain more');
  t.same(markOf(listed), { configHash: 'abc' });
  t.equal(markOf([{ chain: { name: 'input' } }]), undefined, 'not ours');
});

t.test('versions', async (t) => {
  for (const old of ['0.9.8', '1.0.1', '1.0']) t.equal(isOlder(old), true, old);
  for (const fine of ['1.0.2', '1.0.6', '1.1.3', '2.0.0']) t.equal(isOlder(fine), false, fine);
});
