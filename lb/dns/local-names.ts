import { formatIpAddress, parseIpAddress } from '../../config/ip-address.ts';

/**
 * Addresses of a name that no server is asked for: `localhost` (RFC 6761 §6.3) and what `hosts`, the text of /etc/hosts, has. Undefined:
 * it has to be asked for.
 */
export function localAddresses(hosts: string, name: string): readonly string[] | undefined {
  const found = hosts.split('\n').flatMap((line) => {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    const parsed = parseIpAddress(address);
    if (parsed === undefined || !names.some((each) => each.toLowerCase() === name)) return [];
    return [formatIpAddress(parsed)];
  });
  if (found.length > 0) return [...new Set(found)];
  return name === 'localhost' || name.endsWith('.localhost') ? ['127.0.0.1', '::1'] : undefined;
}
