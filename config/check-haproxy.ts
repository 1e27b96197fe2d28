import { checkHaproxyBackend } from './check-haproxy-backend.ts';
import { checkHaproxyTls } from './check-haproxy-tls.ts';
import type { Config } from './config.ts';
import type { Finding, Path } from './finding.ts';
import { haproxyMode } from './haproxy-mode.ts';
import { backendsOf } from './route-config.ts';
import type { ConfigFile } from './schema.ts';

type FileListener = ConfigFile['listeners'][number];
type FileRoute = NonNullable<FileListener['routes']>[number];

/** A fixed answer has to fit into one buffer, with its head. */
const MOST_BODY_BYTES = 8192;
/** They stand between the parentheses of a sample fetch, where nothing can be quoted for certain. */
const PARAMETER = /^[A-Za-z0-9_.~-]+$/;

/** Quotes within parentheses are HAProxy's own. */
const isAskable = (name: string): boolean => !name.includes("'");

const SLOWNESS = { limits: ['body_rate', 'answer_rate', 'unsent'], timeouts: ['body', 'send'] } as const;

/** What HAProxy cannot do, or not as the file says: refused here, with its place, instead of by HAProxy, or in silence. */
export function checkHaproxy(file: ConfigFile, config: Config): Finding[] {
  const findings: Finding[] = [];
  const report = (path: Path, message: string): void => void findings.push({ path, message });
  const led = new Map<string, Set<'http' | 'tcp'>>();
  const sizes = new Map<string, { readonly value: number; readonly name: string }>();
  file.listeners.forEach((listener, i) => {
    if (listener.engine !== 'haproxy') return;
    const at = ['listeners', i];
    const mode = haproxyMode(listener);
    if (config.listeners[i]!.port === 0) report([...at, 'bind'], 'HAProxy needs a port; give one that is not 0');
    if (listener.protocol === 'udp') return;
    for (const { backend, split } of listener.routes ?? [{ backend: listener.backend }]) {
      for (const name of backendsOf({ ...(backend === undefined ? {} : { backend }), ...(split ? { split } : {}) })) {
        led.set(name, (led.get(name) ?? new Set()).add(mode));
      }
    }
    if (listener.limits?.websocket_message_size !== undefined) {
      report([...at, 'limits', 'websocket_message_size'], 'HAProxy does not look into WebSockets; remove it');
    }
    checkHaproxyTls(listener, [...at, 'tls'], report);
    for (const [of, keys] of Object.entries(SLOWNESS)) {
      for (const key of keys) {
        const given = listener[of as keyof typeof SLOWNESS] as Record<string, unknown> | undefined;
        if (given?.[key] !== undefined) report([...at, of, key], `HAProxy does not know "${key}"; remove it`);
      }
    }
    if (mode === 'tcp') return;
    checkForwarding(listener, at, report);
    if (listener.request_id !== undefined && !isAskable(listener.request_id)) {
      report(
        [...at, 'request_id'],
        `HAProxy cannot be asked for a field "${listener.request_id}"; choose another name`,
      );
    }
    // One process has one size of buffers.
    for (const key of ['headerBytes', 'headerCount'] as const) {
      const value = config.listeners[i]!.limits[key];
      const first = sizes.get(key);
      if (first === undefined) sizes.set(key, { value, name: listener.name });
      else if (first.value !== value) {
        const name = key === 'headerBytes' ? 'header_size' : 'header_count';
        report(
          [...at, 'limits', name],
          `HAProxy has one ${name} for all of its listeners, and "${first.name}" has another; make them equal`,
        );
      }
    }
    listener.routes?.forEach((route, k) => {
      checkRoute(route, [...at, 'routes', k], report);
    });
  });
  file.backends.forEach((backend, i) => {
    const modes = led.get(backend.name);
    if (modes !== undefined) checkHaproxyBackend(backend, ['backends', i], modes, report);
  });
  return findings;
}

function checkForwarding(
  { forwarded, trusted_proxies }: FileListener,
  at: Path,
  report: (path: Path, message: string) => void,
): void {
  if (forwarded !== 'forwarded' && forwarded !== 'both') return;
  if ((trusted_proxies ?? []).length === 0) return;
  report(
    [...at, 'forwarded'],
    'HAProxy before 2.8 does not read "Forwarded" fields, so it cannot believe a proxy’s; use "forwarded: x-forwarded"',
  );
}

function checkRoute(route: FileRoute, at: Path, report: (path: Path, message: string) => void): void {
  if (route.upgrades !== undefined) {
    report([...at, 'upgrades'], 'HAProxy lets every protocol pass; remove "upgrades" or use "engine: http"');
  }
  if (route.mirror !== undefined) {
    report([...at, 'mirror'], 'HAProxy sends no copies of requests; remove "mirror" or use "engine: http"');
  }
  route.headers?.forEach(({ name }, i) => {
    if (!isAskable(name)) {
      report([...at, 'headers', i, 'name'], `HAProxy cannot be asked for a field "${name}"; use "engine: http"`);
    }
  });
  route.query?.forEach(({ name }, i) => {
    if (!PARAMETER.test(name)) {
      report([...at, 'query', i, 'name'], `HAProxy cannot be asked for a parameter "${name}"; use "engine: http"`);
    }
  });
  const texts: readonly (readonly [Path, string | undefined])[] = [
    [['path'], typeof route.path === 'string' ? route.path : Object.values(route.path ?? {})[0]],
    [['answer', 'body'], route.answer?.body],
    [['answer', 'content_type'], route.answer?.content_type],
    ...(['headers', 'query'] as const).flatMap((key) =>
      (route[key] ?? []).map(
        ({ exact, prefix, regex }, i) => [[key, i], exact ?? prefix ?? regex] as readonly [Path, string | undefined],
      ),
    ),
  ];
  for (const [path, text] of texts) {
    if (text?.includes('\0') === true) report([...at, ...path], 'a NUL cannot stand in the configuration of HAProxy');
  }
  if (Buffer.byteLength(route.answer?.body ?? '') > MOST_BODY_BYTES) {
    report([...at, 'answer', 'body'], `HAProxy answers from one buffer: ${MOST_BODY_BYTES} bytes at most`);
  }
  if (route.redirect !== undefined && route.response_headers?.remove?.some((n) => n.toLowerCase() === 'location')) {
    report([...at, 'response_headers', 'remove'], 'without "Location" it is no redirect; remove it from this list');
  }
}
