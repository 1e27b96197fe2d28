import type { ForwardingConfig, ListenerConfig } from '../../config/config.ts';
import type { HeaderEdits, RedirectConfig, RouteConfig } from '../../config/route-config.ts';
import { bindText } from './bind-text.ts';
import { frontendName } from './haproxy-plan.ts';
import { literal, quote } from './quote.ts';
import { backendRules, pathRules, routeAcls, splitRules, templateWord, tookRoute } from './route-rules.ts';
import type { TlsPlaces } from './tls-files.ts';

const CLAIMS = ['X-Forwarded-For', 'X-Forwarded-Proto', 'X-Forwarded-Host', 'X-Forwarded-Port', 'Forwarded'] as const;

/** RFC 9110 §15.3.5 and §15.4.5. */
const BODILESS = new Set([204, 304]);

/**
 * The section of a listener that speaks HTTP. Which route a request takes is found first, while it is as the client sent it; what is
 * changed comes after, in the order of the http engine.
 */
export function httpFrontend(listener: ListenerConfig, places: TlsPlaces): string[] {
  const { name, routes, forwarding, timeouts, limits } = listener;
  const acls = routes.map((route, i) => routeAcls(route, `r${i}`));
  const rules: string[] = [];
  routes.forEach((_, i) => {
    const names = [...(i === 0 ? [] : ['!{ var(txn.route) -m found }']), ...acls[i]!.names];
    rules.push(`http-request set-var(txn.route) int(${i})${names.length === 0 ? '' : ` if ${names.join(' ')}`}`);
  });
  rules.push(
    'http-request return status 404 content-type text/plain string "no route" if !{ var(txn.route) -m found }',
    ...routes.flatMap(splitRules),
    ...forwardingRules(forwarding),
    ...tlsRules(listener),
    ...routes.flatMap((route, i) => edits('http-request', route.requestHeaders, listener, route, i)),
    ...routes.flatMap(targetRules),
    ...(forwarding?.via === true ? ['http-after-response add-header Via "1.1 portico"'] : []),
    ...routes.flatMap((route, i) => edits('http-after-response', route.responseHeaders, listener, route, i)),
  );
  const aclLines = acls.flatMap(({ lines }) => lines);
  const used = [...aclLines, ...rules].join('\n');
  return [
    `frontend ${frontendName(name)}`,
    ...[
      'mode http',
      ...bindText(listener, places),
      ...(Number.isFinite(limits.connections) ? [`maxconn ${limits.connections}`] : []),
      // At a reload, a kept connection is ended with its next answer, instead of under its next request.
      'option idle-close-on-response',
      `timeout client ${timeouts.idleMs}ms`,
      `timeout http-keep-alive ${timeouts.idleMs}ms`,
      `timeout http-request ${timeouts.headerMs}ms`,
      ...trustedAcl(forwarding),
      ...aclLines,
      ...limitRules(listener),
      ...variables(used, forwarding),
      ...rules,
      ...routes.flatMap((route, i) => backendRules(route, i, 'http')),
    ].map((line) => `  ${line}`),
  ];
}

const trustedAcl = (forwarding: ForwardingConfig | undefined): string[] =>
  (forwarding?.trusted ?? []).map(({ address, prefix }) => `acl trusted src ${address}/${prefix}`);

function limitRules({ limits, forwarding, hasProxyHeaders }: ListenerConfig): string[] {
  const isCounted = Number.isFinite(limits.connectionsPerClient);
  return [
    ...(hasProxyHeaders && (forwarding?.trusted ?? []).length > 0
      ? ['tcp-request connection expect-proxy layer4 if trusted']
      : []),
    ...(isCounted
      ? ['stick-table type ipv6 size 1m expire 10m store conn_cur', 'tcp-request session track-sc0 src']
      : []),
    ...(isCounted ? [`http-request deny deny_status 429 if { sc0_conn_cur gt ${limits.connectionsPerClient} }`] : []),
    `http-request return status 431 if { req.hdrs,length gt ${limits.headerBytes} }`,
    ...(Number.isFinite(limits.bodyBytes)
      ? [
          `http-request deny deny_status 413 if { req.hdr_val(content-length) gt ${limits.bodyBytes} }`,
          // Its length shows when it is too late: a server would have had all of it.
          'http-request return status 411 if { req.hdr(transfer-encoding) -m found }',
        ]
      : []),
  ];
}

/** Only those that some rule asks for. */
function variables(used: string, forwarding: ForwardingConfig | undefined): string[] {
  const isTrusting = (forwarding?.trusted ?? []).length > 0;
  const id = forwarding?.requestId;
  return [
    ...(used.includes('txn.host')
      ? [`http-request set-var(txn.host) "req.hdr(host),lower,host_only,regsub('[.]\\$','')"`]
      : []),
    ...(used.includes('txn.scheme')
      ? [
          'http-request set-var(txn.scheme) str(http)',
          'http-request set-var(txn.scheme) str(https) if { ssl_fc }',
          ...(isTrusting
            ? [
                'http-request set-var(txn.scheme) req.hdr(x-forwarded-proto,-1),lower if trusted { req.hdr(x-forwarded-proto,-1),lower -m str http https }',
              ]
            : []),
        ]
      : []),
    ...(used.includes('txn.id')
      ? [
          'http-request set-var(txn.id) uuid()',
          ...(id !== undefined && isTrusting
            ? [
                `http-request set-var(txn.id) ${quote(`req.fhdr(${id})`)} if trusted { ${quote(`req.fhdr(${id})`)} -m found }`,
              ]
            : []),
        ]
      : []),
  ];
}

/** What servers are told of the client. The peer's own claims go, but for a proxy that is trusted. */
function forwardingRules(forwarding: ForwardingConfig | undefined): string[] {
  const { trusted = [], style = 'x-forwarded', via = false, requestId } = forwarding ?? {};
  const isTrusting = trusted.length > 0;
  const unless = isTrusting ? ' unless trusted' : '';
  const rules = CLAIMS.map((name) => `http-request del-header ${name}${unless}`);
  if (style === 'x-forwarded' || style === 'both') {
    if (isTrusting) {
      const found = (name: string): string => `{ req.fhdr(${name}) -m found }`;
      rules.push(
        `http-request set-header X-Forwarded-For "%[req.fhdr(x-forwarded-for)], %[src]" if trusted ${found('x-forwarded-for')}`,
        `http-request set-header X-Forwarded-For %[src] if !${found('x-forwarded-for')}`,
        `http-request set-header X-Forwarded-Proto http if !${found('x-forwarded-proto')}`,
        `http-request set-header X-Forwarded-Proto https if { ssl_fc } !trusted`,
        `http-request set-header X-Forwarded-Host %[req.hdr(host)] if !${found('x-forwarded-host')}`,
      );
    } else {
      rules.push(
        'http-request set-header X-Forwarded-For %[src]',
        'http-request set-header X-Forwarded-Proto http',
        'http-request set-header X-Forwarded-Proto https if { ssl_fc }',
        'http-request set-header X-Forwarded-Host %[req.hdr(host)]',
      );
    }
  }
  if (style === 'forwarded' || style === 'both') {
    const element = (node: string): string => `"for=${node};host=\\"%[req.hdr(host)]\\";proto=http"`;
    rules.push(
      `http-request set-header Forwarded ${element('%[src]')}`,
      `http-request set-header Forwarded ${element('\\"[%[src]]\\"')} if { src -m sub : }`,
      `http-request replace-header Forwarded (.*)proto=http \\1proto=https if { ssl_fc }`,
    );
  }
  // From here on the client is the one that the proxy names, for the balancing and for what follows.
  if (isTrusting && style !== 'none') {
    rules.push(
      'http-request set-src req.hdr_ip(x-forwarded-for,-2) if trusted { req.hdr_ip(x-forwarded-for,-2) -m found }',
    );
  }
  if (via) rules.push('http-request add-header Via "1.1 portico"');
  if (requestId !== undefined) rules.push(`http-request set-header ${quote(requestId)} %[var(txn.id)]`);
  return rules;
}

/** What servers may believe of the client's TLS: never what the client says. */
function tlsRules({ tls, forwarding }: ListenerConfig): string[] {
  const isTrusting = (forwarding?.trusted ?? []).length > 0;
  const header = tls?.clientAuth?.header;
  return [
    `http-request del-header Early-Data${isTrusting ? ' unless trusted' : ''}`,
    ...(header === undefined
      ? []
      : [
          `http-request del-header ${quote(header)}`,
          `http-request set-header ${quote(header)} "%[ssl_c_s_dn(,0,rfc2253)]" if { ssl_c_used }`,
        ]),
  ];
}

function edits(
  rule: 'http-request' | 'http-after-response',
  changes: HeaderEdits | undefined,
  { name: listener }: ListenerConfig,
  route: RouteConfig,
  index: number,
): string[] {
  if (changes === undefined) return [];
  const taken = tookRoute(index);
  return [
    ...changes.remove.map((name) => `${rule} del-header ${quote(name)} if ${taken}`),
    ...(['set', 'add'] as const).flatMap((how) =>
      changes[how].map(
        ({ name, value }) => `${rule} ${how}-header ${quote(name)} ${templateWord(value, listener, route)} if ${taken}`,
      ),
    ),
  ];
}

function targetRules(route: RouteConfig, index: number): string[] {
  const taken = tookRoute(index);
  const { answer, redirect, rewrite } = route;
  if (answer !== undefined) {
    const body =
      answer.body === '' || BODILESS.has(answer.status)
        ? ''
        : ` content-type ${quote(answer.contentType)} string ${quote(answer.body)}`;
    return [`http-request return status ${answer.status}${body} if ${taken}`];
  }
  if (redirect !== undefined) {
    return [
      ...(redirect.change === undefined ? [] : pathRules(redirect.change, route.path, taken)),
      `http-request redirect code ${redirect.status} location ${location(redirect)} if ${taken}`,
    ];
  }
  return [
    ...(rewrite?.change === undefined ? [] : pathRules(rewrite.change, route.path, taken)),
    ...(rewrite?.host === undefined ? [] : [`http-request set-header Host ${quote(rewrite.host)} if ${taken}`]),
  ];
}

function location({ scheme, host, port, keepsQuery }: RedirectConfig): string {
  // A port of the request's belongs to its scheme.
  const keepsPort = port === undefined && scheme === undefined;
  const toHost = host === undefined ? (keepsPort ? '%[req.hdr(host)]' : '%[var(txn.host)]') : literal(host);
  const toPort = port === undefined ? '' : `:${port}`;
  const query = keepsQuery ? `%[query,regsub('^(.)','?\\1')]` : '';
  return quote(`${scheme ?? '%[var(txn.scheme)]'}://${toHost}${toPort}%[path]${query}`);
}
