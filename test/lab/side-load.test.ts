import t from 'tap';
import { explainSlice } from './oracle.ts';
import { parseH2load, type Slice } from './side-load.ts';

t.test('what h2load says', async (t) => {
  const said = (counts: string): string =>
    `finished in 2.00s\nrequests: 80 total, 80 started, ${counts}\nstatus codes: 80 2xx\n`;
  t.same(parseH2load(said('80 done, 80 succeeded, 0 failed, 0 errored, 0 timeout')), { requests: 80, errors: 0 });
  t.same(parseH2load(said('80 done, 77 succeeded, 3 failed, 0 errored, 0 timeout')), { requests: 80, errors: 3 });
  t.same(parseH2load(said('80 done, 79 succeeded, 1 failed, 2 errored, 1 timeout')), { requests: 80, errors: 4 });
  t.throws(() => parseH2load(said('0 done, 0 succeeded, 0 failed, 0 errored, 0 timeout')), /got no answer/);
});

const slice: Slice = { tool: 'wrk', listener: 'web', fromMs: 1000, untilMs: 6000, requests: 500, errors: 1 };
const reset = { fault: 'server-reset', fromMs: 3000, untilMs: 4000, unsafeTo: 'servers' } as const;

t.test('errors of a run are put down to what befell its listener meanwhile', async (t) => {
  t.equal(explainSlice(slice, [reset])?.fault, 'server-reset');
  t.equal(explainSlice(slice, [{ ...reset, fromMs: 7000, untilMs: 8000 }]), undefined);
  t.equal(explainSlice(slice, [{ ...reset, fromMs: 100, untilMs: 900 }]), undefined);
  t.equal(explainSlice(slice, [{ ...reset, listeners: ['kernel'] }]), undefined);
  t.equal(explainSlice(slice, [{ ...reset, unsafeTo: 'workers' }]), undefined);
  t.equal(explainSlice(slice, []), undefined);
});

t.test('a plane takes no connection of HAProxy with it', async (t) => {
  const kill = { fault: 'plane-kill', fromMs: 3000, untilMs: 4000, clientPorts: new Set([40_000]) };
  t.equal(explainSlice(slice, [kill])?.fault, 'plane-kill');
  t.equal(explainSlice({ ...slice, listener: 'haproxy' }, [kill]), undefined);
});

t.test('a drain says before it closes', async (t) => {
  t.equal(explainSlice(slice, [{ fault: 'upgrade', fromMs: 3000, untilMs: 4000, drains: ['web'] }]), undefined);
  const reload = { fault: 'reload', fromMs: 3000, untilMs: 4000, drains: ['haproxy'] } as const;
  t.equal(explainSlice({ ...slice, listener: 'haproxy' }, [reload])?.fault, 'reload');
});
