import type { ListenerConfig } from '../../config/config.ts';

/** `::` takes IPv4 clients, too, as the kernel has it for everyone else. */
export function bindText({ host, port }: ListenerConfig): string[] {
  const place = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  return [`bind ${place}${host === '::' ? ' v4v6' : ''}`];
}
