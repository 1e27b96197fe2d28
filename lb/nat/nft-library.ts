import { createRequire } from 'node:module';
import { type Nft, NftError, type NftObject, NftUnavailableError } from './nft.ts';
import { isOlder, OLDEST } from './nft-version.ts';

const LIBRARY = 'libnftables.so.1';
/** NFT_CTX_OUTPUT_JSON of nftables/libnftables.h. */
const OUTPUT_JSON = 1 << 4;
const HOW = 'on Debian, install the package "nftables" and run npm install without --omit=optional';

type Native = (...args: readonly unknown[]) => unknown;

/**
 * libnftables in this process: a change of 16 map elements takes 0.26 ms, where `nft` started anew takes 16 to 20, and `nft -j -i` kept
 * running 1.3 (for 128 elements 0.67 against 8.6; its line editor reads byte by byte). What is in it can end the process: it is only used in
 * one that carries no traffic. Throws NftUnavailableError.
 */
export function openNftLibrary(file = LIBRARY): Nft {
  let koffi: { load(name: string): { func(prototype: string): Native } };
  try {
    koffi = createRequire(import.meta.url)('koffi');
  } catch (cause) {
    throw new NftUnavailableError(`the package "koffi" cannot be loaded; ${HOW}`, { cause });
  }
  let library: ReturnType<typeof koffi.load>;
  try {
    library = koffi.load(file);
  } catch (cause) {
    throw new NftUnavailableError(`${file} is not there; ${HOW}`, { cause });
  }
  return new NftLibrary(library);
}

class NftLibrary implements Nft {
  readonly version: string;
  private readonly context: unknown;
  private readonly runBuffer: Native;
  private readonly output: Native;
  private readonly error: Native;
  private readonly free: Native;
  private isClosed = false;

  constructor(library: { func(prototype: string): Native }) {
    this.runBuffer = library.func('int nft_run_cmd_from_buffer(void*, const char*)');
    this.output = library.func('const char* nft_ctx_get_output_buffer(void*)');
    this.error = library.func('const char* nft_ctx_get_error_buffer(void*)');
    this.free = library.func('void nft_ctx_free(void*)');
    this.context = library.func('void* nft_ctx_new(uint32_t)')(0);
    library.func('void nft_ctx_output_set_flags(void*, unsigned int)')(this.context, OUTPUT_JSON);
    library.func('int nft_ctx_buffer_output(void*)')(this.context);
    library.func('int nft_ctx_buffer_error(void*)')(this.context);
    this.version = versionOf(this.run([{ list: { tables: { family: 'inet' } } }]));
    if (isOlder(this.version)) {
      throw new NftUnavailableError(`nftables ${this.version} is too old; ${OLDEST.join('.')} is needed`);
    }
  }

  run(commands: readonly NftObject[]): readonly NftObject[] {
    if (this.isClosed) throw new NftError('nftables was closed');
    const status = this.runBuffer(this.context, JSON.stringify({ nftables: commands }));
    const output = this.output(this.context) as string;
    if (status !== 0) {
      const error = this.error(this.context) as string;
      if (/not permitted/i.test(error)) {
        throw new NftUnavailableError('nftables needs the capability CAP_NET_ADMIN; run as root or grant it');
      }
      throw new NftError(explain(error));
    }
    return output.trim() === '' ? [] : (JSON.parse(output) as { nftables: NftObject[] }).nftables;
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.free(this.context);
  }
}

/** Its first line says what; a copy of the command follows. */
const explain = (error: string): string => error.split('\n')[0]!.replace(/^internal:0:0-0: Error: /, '');

function versionOf(listed: readonly NftObject[]): string {
  const info = listed.find((each) => 'metainfo' in each)?.metainfo as { version?: string } | undefined;
  return info?.version ?? '0';
}
