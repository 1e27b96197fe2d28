import type {
  Histogram,
  OutcomeCount,
  PlaneMetrics,
  PortMetrics,
  RequestMetrics,
  TrafficMetrics,
} from './plane-metrics.ts';

/** The reports of several planes as one: equal labels are added up. */
export function sumPlaneMetrics(reports: readonly PlaneMetrics[]): PlaneMetrics {
  return {
    ...sumTraffic(reports),
    eventLoopLagSeconds: Math.max(0, ...reports.map((report) => report.eventLoopLagSeconds)),
    residentBytes: reports.reduce((sum, report) => sum + report.residentBytes, 0),
    cpuSeconds: reports.reduce((sum, report) => sum + report.cpuSeconds, 0),
  };
}

/** The same for what several engines, or planes and engines, counted. */
export function sumTraffic(reports: readonly TrafficMetrics[]): TrafficMetrics {
  return {
    listeners: merge(
      reports.flatMap((report) => report.listeners),
      ({ listener }) => listener,
      (a, b) => ({
        listener: a.listener,
        connections: a.connections + b.connections,
        connectionsTotal: a.connectionsTotal + b.connectionsTotal,
        webSockets: a.webSockets + b.webSockets,
        rejected: addCounts([...a.rejected, ...b.rejected], ({ reason }) => reason),
      }),
    ),
    requests: merge(
      reports.flatMap((report) => report.requests),
      ({ listener, backend }) => `${listener}\n${backend}`,
      addRequests,
    ),
    streams: merge(
      reports.flatMap((report) => report.streams),
      ({ listener, backend }) => `${listener}\n${backend}`,
      (a, b) => ({
        listener: a.listener,
        backend: a.backend,
        outcomes: addCounts([...a.outcomes, ...b.outcomes], ({ outcome }) => outcome),
        bytesIn: a.bytesIn + b.bytesIn,
        bytesOut: a.bytesOut + b.bytesOut,
      }),
    ),
    servers: merge(
      reports.flatMap((report) => report.servers),
      ({ backend, server }) => `${backend}\n${server}`,
      (a, b) => ({
        backend: a.backend,
        server: a.server,
        active: a.active + b.active,
        idle: a.idle + b.idle,
        connectsTotal: a.connectsTotal + b.connectsTotal,
        connectFailuresTotal: a.connectFailuresTotal + b.connectFailuresTotal,
        answersTotal: a.answersTotal + b.answersTotal,
        answerSeconds: a.answerSeconds + b.answerSeconds,
        ejected: a.ejected + b.ejected,
        ejectionsTotal: a.ejectionsTotal + b.ejectionsTotal,
      }),
    ),
    retries: addCounts(
      reports.flatMap((report) => report.retries),
      ({ backend, reason }) => `${backend}\n${reason}`,
    ),
    hedges: addOutcomes(reports.flatMap((report) => report.hedges ?? [])),
    mirrored: addOutcomes(reports.flatMap((report) => report.mirrored ?? [])),
    queues: merge(
      reports.flatMap((report) => report.queues ?? []),
      ({ backend }) => backend,
      (a, b) => ({
        backend: a.backend,
        depth: a.depth + b.depth,
        queued: a.queued + b.queued,
        timeouts: a.timeouts + b.timeouts,
        refused: a.refused + b.refused,
        shed: a.shed + b.shed,
        retriesRefused: a.retriesRefused + b.retriesRefused,
      }),
    ),
    ports: addPorts(reports.map((report) => report.ports)),
    exhausted: addCounts(
      reports.flatMap((report) => report.exhausted),
      ({ pool, outcome }) => `${pool}\n${outcome}`,
    ),
    drift: addCounts(
      reports.flatMap((report) => report.drift),
      ({ kind }) => kind,
    ),
    queueDepth: merge(
      reports.flatMap((report) => report.queueDepth),
      ({ pool }) => pool,
      (a, b) => ({ pool: a.pool, depth: a.depth + b.depth }),
    ),
    tls: merge(
      reports.flatMap((report) => report.tls ?? []),
      ({ side, name }) => `${side}\n${name}`,
      (a, b) => ({
        side: a.side,
        name: a.name,
        handshakes: addCounts(
          [...a.handshakes, ...b.handshakes],
          ({ version, kind, cipher }) => `${version}\n${kind}\n${cipher}`,
        ),
        failures: addCounts([...a.failures, ...b.failures], ({ reason }) => reason),
      }),
    ),
    logs: addCounts(
      reports.flatMap((report) => report.logs ?? []),
      ({ log, outcome }) => `${log}\n${outcome}`,
    ),
  };
}

/** There may be millions; where one report has them all, as with those of planes that are gone, there is nothing to add. */
function addPorts(reports: readonly (readonly PortMetrics[])[]): readonly PortMetrics[] {
  const filled = reports.filter((ports) => ports.length > 0);
  if (filled.length <= 1) return filled[0] ?? [];
  return merge(
    filled.flat(),
    ({ pool, source, destination }) => `${pool}\n${source}\n${destination}`,
    (a, b) => ({
      ...a,
      free: a.free + b.free,
      used: a.used + b.used,
      quarantined: a.quarantined + b.quarantined,
      unusable: a.unusable + b.unusable,
      leases: a.leases + b.leases,
    }),
  );
}

function merge<T>(items: readonly T[], key: (item: T) => string, add: (a: T, b: T) => T): T[] {
  const sums = new Map<string, T>();
  for (const item of items) {
    const at = key(item);
    const sum = sums.get(at);
    sums.set(at, sum === undefined ? item : add(sum, item));
  }
  return [...sums.values()];
}

function addCounts<T extends { readonly count: number }>(items: readonly T[], key: (item: T) => string): T[] {
  return merge(items, key, (a, b) => ({ ...a, count: a.count + b.count }));
}

function addOutcomes(items: readonly OutcomeCount[]): OutcomeCount[] {
  return addCounts(items, ({ backend, outcome }) => `${backend}\n${outcome}`);
}

function addRequests(a: RequestMetrics, b: RequestMetrics): RequestMetrics {
  return {
    listener: a.listener,
    backend: a.backend,
    codes: addCounts([...a.codes, ...b.codes], ({ code }) => String(code)),
    duration: addHistograms(a.duration, b.duration),
  };
}

/** Both have the same bounds: they come from the same program. */
function addHistograms(a: Histogram, b: Histogram): Histogram {
  return { bounds: a.bounds, counts: a.counts.map((count, i) => count + b.counts[i]!), sum: a.sum + b.sum };
}
