import type { BackendConfig, ListenerConfig } from '../../config/config.ts';
import { exportedPlaces, listLines } from './tls-files.ts';

/** The commands of a shell that make the files of TLS which a printed configuration names; none where there is no TLS. */
export function exportedTlsCommands(
  directory: string,
  {
    listeners,
    backends,
  }: { readonly listeners: readonly ListenerConfig[]; readonly backends: readonly BackendConfig[] },
): string[] {
  const places = exportedPlaces(directory);
  const secured = listeners.filter(({ tls }) => tls !== undefined);
  const pairs = [
    ...secured.flatMap(({ tls }) => tls!.certificates),
    ...backends.flatMap(({ tls }) => (tls?.pair === undefined ? [] : [tls.pair])),
  ];
  if (pairs.length === 0) return [];
  const commands = [
    `umask 077 && mkdir -p ${shellWord(directory)}`,
    ...pairs.map((pair) => `cat ${shellWord(pair.cert)} ${shellWord(pair.key)} > ${shellWord(places.pair(pair))}`),
    ...secured.map(
      (listener) =>
        `printf '%s\\n' ${listLines(directory, listener).map(shellWord).join(' ')} > ${shellWord(places.list(listener))}`,
    ),
  ];
  return [...new Set(commands)];
}

const shellWord = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
