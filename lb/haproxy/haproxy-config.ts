import { backendText, checkText } from './backend-text.ts';
import { type HaproxyPlan, modeOf, proxiesOf } from './haproxy-plan.ts';
import { httpFrontend } from './http-frontend.ts';
import { resolverSection } from './name-resolution.ts';
import { quote } from './quote.ts';
import { type HaproxyLines, haproxyLines } from './server-lines.ts';
import { tcpFrontend } from './tcp-frontend.ts';

/** HAProxy's own default, and what it keeps of a buffer for changes to a head. */
const BUFFER_BYTES = 16_384;
const REWRITE_BYTES = 1024;

export interface HaproxyConfigOptions {
  /** The socket by which it is steered. Absent: none. */
  readonly socket?: string;
  /** What servers were like in the process before, as `show servers state` tells it. Absent: they start as healthy. */
  readonly stateFile?: string;
  /** Comments at the top, without their `#`. */
  readonly comments?: readonly string[];
  /** More lines of the `global` section. */
  readonly global?: readonly string[];
}

export interface HaproxyConfig extends HaproxyLines {
  readonly text: string;
}

/** A whole configuration for HAProxy 2.6 or newer. Pure. */
export function haproxyConfig(plan: HaproxyPlan, options: HaproxyConfigOptions = {}): HaproxyConfig {
  const found = haproxyLines(plan);
  const checked = [...new Set(found.checks.map(({ backend }) => backend))];
  const sections = [
    (options.comments ?? []).map((line) => (line === '' ? '#' : `# ${line}`)),
    ['global', ...globalLines(plan, options).map((line) => `  ${line}`)],
    resolverSection(plan),
    ...plan.listeners.map((listener) =>
      modeOf(listener) === 'http' ? httpFrontend(listener, plan.tls) : tcpFrontend(listener, plan.tls),
    ),
    ...proxiesOf(plan).map((proxy) =>
      backendText(
        proxy,
        found.lines.filter((line) => line.proxy.name === proxy.name),
        plan.tls,
        plan.pools.find(({ name }) => name === proxy.backend.source)!,
        { mayGain: options.socket !== undefined },
      ),
    ),
    ...checked.map((backend) =>
      checkText(
        backend,
        found.checks.filter((check) => check.backend === backend),
        options.stateFile !== undefined,
        plan.tls,
      ),
    ),
  ];
  const text = sections
    .filter((lines) => lines.length > 0)
    .map((lines) => `${lines.join('\n')}\n`)
    .join('\n');
  return { ...found, text };
}

function globalLines({ listeners, backends, threads }: HaproxyPlan, options: HaproxyConfigOptions): string[] {
  const http = listeners.filter((listener) => modeOf(listener) === 'http');
  const headerBytes = Math.max(0, ...http.map(({ limits }) => limits.headerBytes));
  const headerCount = Math.max(0, ...http.map(({ limits }) => limits.headerCount));
  const jitter = Math.max(0, ...backends.map(({ health }) => health?.jitterPercent ?? 0));
  return [
    `nbthread ${threads}`,
    ...(options.socket === undefined
      ? []
      : [`stats socket ${quote(options.socket)} mode 600 level admin expose-fd listeners`, 'stats timeout 1m']),
    ...(options.stateFile === undefined ? [] : [`server-state-file ${quote(options.stateFile)}`]),
    ...(options.global ?? []),
    ...(jitter > 0 ? [`spread-checks ${jitter}`] : []),
    ...(headerBytes === 0
      ? []
      : [
          `tune.bufsize ${Math.max(BUFFER_BYTES, headerBytes + REWRITE_BYTES)}`,
          `tune.maxrewrite ${REWRITE_BYTES}`,
          `tune.http.maxhdr ${headerCount}`,
        ]),
  ];
}
