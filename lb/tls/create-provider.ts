import type { TcpNetwork } from '../net/tcp-stream.ts';
import { loadNativeAddon } from './native-addon.ts';
import { NativeTls } from './native-tls.ts';
import { NodeTls } from './node-tls.ts';
import type { TlsProvider } from './tls-provider.ts';

/** By the addon where it can be loaded, else by Node's own `tls`, which knows no early data. */
export function createTlsProvider({ readBuffer }: TcpNetwork): TlsProvider {
  const loaded = loadNativeAddon();
  return loaded.ok ? new NativeTls(loaded.addon, readBuffer) : new NodeTls();
}
