import t from 'tap';
import { LatencyEstimate } from '../../../lb/balance/latency-estimate.ts';
import { peakEwma } from '../../../lb/balance/peak-ewma.ts';
import type { Candidate } from '../../../lb/balance/policy.ts';

t.test('the estimate rises at once, comes down slowly, and fades without news', async (t) => {
  const estimate = new LatencyEstimate();
  t.equal(estimate.at(0), undefined);
  estimate.observe(10, 0);
  t.equal(estimate.at(0), 10);
  estimate.observe(100, 1000);
  t.equal(estimate.at(1000), 100, 'a peak counts in full');
  estimate.observe(10, 2000);
  const after = estimate.at(2000)!;
  t.ok(after > 90 && after < 92, `one good answer a second later: ${after}`);
  t.ok(Math.abs(estimate.at(12_000)! - after / Math.E) < 0.001, 'ten seconds later it is 1/e');
});

t.test('the server where a request waits less is chosen', async (t) => {
  const pick = peakEwma<Candidate>();
  const candidate = (id: string, latencyMs: number | undefined, active: number, weight = 1): Candidate => {
    const latency = new LatencyEstimate();
    if (latencyMs !== undefined) latency.observe(latencyMs, 0);
    return { id, weight, fullWeight: weight, active, latency };
  };
  const better = (a: Candidate, b: Candidate): string =>
    pick([a, b], { hashKey: undefined, available: [], nowMs: 0, random: () => 0 })!.id;
  t.equal(better(candidate('a', 10, 0), candidate('b', 20, 0)), 'a');
  t.equal(better(candidate('a', 10, 3), candidate('b', 20, 0)), 'b', 'busy with four tens');
  t.equal(better(candidate('a', 10, 3, 4), candidate('b', 20, 0)), 'a', 'but four times as strong');
  t.equal(better(candidate('a', 10, 0), candidate('b', undefined, 0)), 'b', 'an unknown one is tried');
  t.equal(better(candidate('a', 10, 50), candidate('b', undefined, 1)), 'a', 'once');
});

t.test('a slow server gets few requests of many', async (t) => {
  // Three servers that answer in 5 ms and one in 100 ms, with 16 requests under way all the time.
  let state = 1;
  const random = (): number => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state / 0x80000000;
  };
  const pick = peakEwma<Candidate & { active: number; count: number; takesMs: number }>();
  const servers = [5, 5, 5, 100].map((takesMs, i) => ({
    id: `${i}`,
    weight: 1,
    fullWeight: 1,
    active: 0,
    count: 0,
    takesMs,
    latency: new LatencyEstimate(),
  }));
  const ends: { atMs: number; server: (typeof servers)[number] }[] = [];
  let nowMs = 0;
  for (let i = 0; i < 20_000; i++) {
    if (ends.length === 16) {
      ends.sort((a, b) => b.atMs - a.atMs);
      const { atMs, server } = ends.pop()!;
      nowMs = atMs;
      server.active--;
      server.latency.observe(server.takesMs, nowMs);
    }
    const server = pick(servers, {
      hashKey: undefined,
      available: servers,
      nowMs,
      random,
    })! as (typeof servers)[number];
    server.active++;
    server.count++;
    ends.push({ atMs: nowMs + server.takesMs, server });
  }
  t.ok(servers[3]!.count < 600, `the slow one got ${servers[3]!.count} of 20,000`);
  for (const { count } of servers.slice(0, 3)) t.ok(Math.abs(count - 6500) < 700, `a fast one got ${count}`);
});
