import { isAbsolute, resolve as resolvePath } from 'node:path';
import type { AdminConfig } from './config.ts';
import { parseEndpoint } from './endpoint.ts';
import { endpoint, type LoadContext, type Report } from './resolve-values.ts';
import type { ConfigFile } from './schema.ts';

export const DEFAULT_ADMIN = '127.0.0.1:9797';

export function resolveAdmin(file: ConfigFile, context: LoadContext, report: Report): AdminConfig {
  const {
    listen: text = DEFAULT_ADMIN,
    socket_mode: mode,
    token_file: tokenFile,
    audit_log: auditLog,
    ...admin
  } = file.admin ?? {};
  const listen = text.startsWith('unix:') ? { path: text.slice(5) } : endpoint(text, ['admin', 'listen'], report);
  if ('path' in listen && !isAbsolute(listen.path)) {
    report(['admin', 'listen'], `"${text}" needs the whole path of the socket, as in unix:/run/portico/admin.sock`);
  }
  if (mode !== undefined && !('path' in listen)) {
    report(['admin', 'socket_mode'], 'only a socket file has a mode; remove "socket_mode", or listen on unix:/path');
  }
  if ('host' in listen && parseEndpoint(text) !== undefined && isPublic(listen.host)) {
    const missing = [
      ...(tokenFile === undefined && admin.tls?.client_ca === undefined ? ['token_file'] : []),
      ...(admin.tls === undefined ? ['tls'] : []),
    ];
    if (missing.length > 0) {
      report(
        ['admin', 'listen'],
        `beyond this machine the admin server needs ${missing.map((key) => `"${key}"`).join(' and ')}; set ${missing.length === 1 ? 'it' : 'them'}, or listen on 127.0.0.1 or unix:/path`,
      );
    }
  }
  const path = (name: string): string => resolvePath(context.directory, name);
  return {
    listen,
    ...(mode === undefined ? {} : { socketMode: Number.parseInt(mode, 8) }),
    ...(admin.tls === undefined
      ? {}
      : {
          tls: {
            cert: path(admin.tls.cert),
            key: path(admin.tls.key),
            ...(admin.tls.client_ca === undefined ? {} : { clientCa: path(admin.tls.client_ca) }),
          },
        }),
    ...(tokenFile === undefined ? {} : { tokenFile: path(tokenFile) }),
    ...(admin.metrics === undefined ? {} : { metrics: admin.metrics }),
    ...(auditLog === undefined ? {} : { auditLog: path(auditLog) }),
  };
}

/** Whether others than this machine can reach it. */
function isPublic(host: string): boolean {
  return !host.startsWith('127.') && host !== '::1';
}
