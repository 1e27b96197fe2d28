import type { FixedAnswerConfig, RedirectConfig, RouteConfig } from '../../config/route-config.ts';
import { compilePathChange } from '../route/path-changer.ts';
import type { FieldEdits } from './field-edits.ts';
import type { LocalAnswer } from './local-answer.ts';
import type { RequestView } from './request-view.ts';

/** Makes the answer of a route that asks no server. */
export type RouteAnswer = (view: RequestView) => LocalAnswer;

export function compileFixedAnswer(
  { status, body, contentType }: FixedAnswerConfig,
  edits: FieldEdits | undefined,
): RouteAnswer {
  const bytes = Buffer.from(body);
  const own = body === '' ? [] : [{ name: 'content-type', line: `Content-Type: ${contentType}\r\n` }];
  return (view) => ({ status, fields: withEdits(own, edits, view), body: bytes });
}

/** The whole URL goes into `Location`, so that no path of a client can lead to a host that it names itself (`//host`). */
export function compileRedirect(
  { scheme, host, port, change, keepsQuery, status }: RedirectConfig,
  matched: RouteConfig['path'],
  edits: FieldEdits | undefined,
): RouteAnswer {
  const changePath = change === undefined ? undefined : compilePathChange(change, matched);
  return (view) => {
    const toScheme = scheme ?? view.scheme;
    const toHost = host ?? hostFor(view, toScheme, port);
    const authority = port === undefined ? toHost : `${toHost}:${port}`;
    const path = view.path.startsWith('/') ? view.path : '/';
    const location = `${toScheme}://${authority}${changePath?.(path) ?? path}${keepsQuery ? view.query : ''}`;
    const body = Buffer.from(`${status} ${location}\n`, 'latin1');
    const own = [
      { name: 'location', line: `Location: ${location}\r\n` },
      { name: 'content-type', line: 'Content-Type: text/plain; charset=utf-8\r\n' },
    ];
    return { status, fields: withEdits(own, edits, view), body };
  };
}

/** The client's own host. Its port goes where the scheme changes: one port does not speak both. */
function hostFor(view: RequestView, toScheme: string, port: number | undefined): string {
  const host = view.hostForUrl;
  return port === undefined && toScheme === view.scheme ? host : host.replace(/:\d*$/, '');
}

function withEdits(
  own: readonly { readonly name: string; readonly line: string }[],
  edits: FieldEdits | undefined,
  view: RequestView,
): string {
  const kept = own.filter(({ name }) => edits?.dropped.includes(name) !== true).map(({ line }) => line);
  return kept.join('') + (edits?.lines(view.lookup) ?? '');
}
