import type { TlsOptions } from 'node:tls';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import fastify from 'fastify';
import type { Registry } from 'prom-client';
import type { Clock } from '../lb/clock.ts';
import type { AdminApp } from './admin-app.ts';
import type { AdminSource } from './admin-source.ts';
import { RuntimeChanges } from './config/runtime-changes.ts';
import type { ConfigSource } from './config-source.ts';
import type { Audit } from './events/audit.ts';
import { EventStreams } from './events/event-streams.ts';
import type { EventsSource } from './events/events-source.ts';
import { StatusTicker } from './events/status-ticker.ts';
import { type GuardOptions, useGuard } from './guard.ts';
import { lazyCompilers } from './lazy-compilers.ts';
import { ExpectedScrapes } from './metrics/expected-scrapes.ts';
import { Exposition } from './metrics/exposition.ts';
import { useOpenApi } from './openapi/use-openapi.ts';
import { answerBadRequest, answerMalformed, type OnError, useProblems } from './problem.ts';
import { backendRoutes } from './routes/backends.ts';
import { configRoutes } from './routes/config.ts';
import { drainRoutes } from './routes/drain.ts';
import { eventRoutes } from './routes/events.ts';
import { healthRoutes } from './routes/health.ts';
import { listenerRoutes } from './routes/listeners.ts';
import { metricsRoutes } from './routes/metrics.ts';
import { openApiRoutes } from './routes/openapi.ts';
import { overviewRoutes } from './routes/overview.ts';
import { portMapRoutes } from './routes/port-map.ts';
import { portRoutes } from './routes/ports.ts';
import { routeMatchRoutes } from './routes/route-match.ts';
import { serverChangeRoutes } from './routes/server-changes.ts';
import { sourceChangeRoutes } from './routes/source-changes.ts';
import { sourceRoutes } from './routes/sources.ts';
import { statusRoutes } from './routes/status.ts';
import { systemRoutes } from './routes/system.ts';
import { uiRoutes } from './routes/ui.ts';
import { shareInFlight } from './share-in-flight.ts';
import type { UiFiles } from './ui-files.ts';

export interface AdminAppDeps {
  readonly source: AdminSource;
  readonly clock: Clock;
  /** Milliseconds since 1970. */
  readonly epochMs: () => number;
  readonly events: EventsSource;
  readonly audit: Audit;
  /** Absent: there is no config file. */
  readonly config?: ConfigSource | undefined;
  /** The metrics of this process, shown before those of the planes. */
  readonly registry: Registry;
  /** Called with what made an answer a 500; the client is not told. */
  readonly onError: OnError;
  /** A client has given so many wrong tokens that it is not listened to for a while. Default: nothing. */
  readonly onLockedOut?: (address: string) => void;
  /** Undefined: it was not built. */
  readonly ui?: UiFiles | undefined;
}

/** An operator's request is there at once; who takes longer holds a connection for nothing. */
const REQUEST_MS = 30_000;
const HEADERS_MS = 10_000;
const CHECK_MS = 2000;
/** More than operators, scrapers and their streams ever are; each costs a descriptor that traffic would want. */
const MAX_CONNECTIONS = 1024;

export interface AdminAppOptions extends GuardOptions {
  /** Absent: plain HTTP. */
  readonly https?: TlsOptions | undefined;
  /** How many destinations get labels of their own in the metrics; the others are added up as `other`. */
  readonly topDestinations: number;
}

/** The admin server's routes. It never listens; `AdminServer` does. */
export function createAdminApp(deps: AdminAppDeps, options: AdminAppOptions): AdminApp {
  const { source, registry, onError, audit, events, config, ui } = deps;
  const timeouts = { headersTimeout: HEADERS_MS, connectionsCheckingInterval: CHECK_MS };
  const app = fastify({
    ...(options.https === undefined ? { http: timeouts } : { https: { ...timeouts, ...options.https } as never }),
    requestTimeout: REQUEST_MS,
    forceCloseConnections: true,
    frameworkErrors: answerBadRequest,
    clientErrorHandler: answerMalformed,
    // A key that is not known is a mistake to be told of, not to be passed over.
    ajv: { customOptions: { removeAdditional: false } },
    schemaController: { compilersFactory: lazyCompilers() },
  }).withTypeProvider<TypeBoxTypeProvider>() as unknown as AdminApp;
  app.server.maxConnections = MAX_CONNECTIONS;
  const traffic = shareInFlight(() => source.traffic());
  // JSON is all that is left: a form or text/plain is what a page can send to another origin without asking first.
  app.removeContentTypeParser('text/plain');
  useProblems(app, onError);
  useGuard(app, { clock: deps.clock, onLockedOut: deps.onLockedOut ?? (() => {}) }, options);
  useOpenApi(app, source.status().version);
  // In a plugin of their own, which is loaded once what describes them is there.
  app.register(async (plugin) => {
    const scope: AdminApp = plugin.withTypeProvider<TypeBoxTypeProvider>();
    uiRoutes(scope, ui);
    healthRoutes(scope, source);
    statusRoutes(scope, source, traffic);
    overviewRoutes(scope, source, traffic);
    listenerRoutes(scope, source, traffic);
    backendRoutes(scope, source, traffic);
    const changes = new RuntimeChanges({ audit, config });
    serverChangeRoutes(scope, source, changes);
    sourceRoutes(scope, source, traffic);
    sourceChangeRoutes(scope, source, changes);
    portRoutes(scope, source);
    portMapRoutes(scope, source, traffic);
    routeMatchRoutes(scope, source);
    configRoutes(scope, { source, audit, config });
    systemRoutes(scope, source.system, audit);
    drainRoutes(scope, source.drain, audit);
    eventRoutes(scope, events, new EventStreams({ ...deps, ticker: new StatusTicker({ ...deps, traffic }) }));
    const exposition = new Exposition({ source, traffic, registry }, options);
    const collect = exposition.collect.bind(exposition);
    metricsRoutes(scope, exposition, new ExpectedScrapes({ ...deps, collect }));
    openApiRoutes(scope);
  });
  return app;
}
