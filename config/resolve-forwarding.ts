import type { ForwardingConfig } from './config.ts';
import type { Path } from './finding.ts';
import { formatIpAddress, parseIpAddress } from './ip-address.ts';
import type { ConfigFile } from './schema.ts';

/** What a listener says of proxies; what is wrong in it goes to `report`. */
export function resolveForwarding(
  { trusted_proxies, forwarded, via, request_id }: ConfigFile['listeners'][number],
  index: number,
  report: (path: Path, message: string) => void,
): ForwardingConfig {
  const trusted = (trusted_proxies ?? []).flatMap((text, i) => {
    const block = parseBlock(text);
    if (block !== undefined) return [block];
    report(
      ['listeners', index, 'trusted_proxies', i],
      `"${text}" is neither an IP address nor a block such as 10.0.0.0/8`,
    );
    return [];
  });
  return {
    trusted,
    style: forwarded ?? 'x-forwarded',
    via: via ?? false,
    ...(request_id === undefined ? {} : { requestId: request_id }),
  };
}

function parseBlock(text: string): ForwardingConfig['trusted'][number] | undefined {
  const match = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text);
  const address = match === null ? undefined : parseIpAddress(match[1]!);
  if (address === undefined) return undefined;
  const prefix = match![2] === undefined ? address.bits : Number(match![2]);
  return prefix > address.bits ? undefined : { address: formatIpAddress(address), prefix };
}
