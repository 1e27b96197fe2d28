/** What a server agrees to, in OpenSSL's words. */
export interface CipherList {
  /** Up to TLS 1.2. */
  readonly ciphers: string;
  /** TLS 1.3. */
  readonly suites: string;
  readonly groups: string;
  readonly minVersion: '1.2' | '1.3';
}

const SUITES = 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256';
const GROUPS = 'X25519:P-256:P-384';

/**
 * Mozilla's «Server Side TLS» guideline, version 5.7 (https://ssl-config.mozilla.org/guidelines/5.7.json). Of `intermediate` its three
 * DHE ciphers are left out: clients that know them and no ECDHE are gone, and finite-field key exchange can be made to cost the server
 * much (CVE-2002-20001).
 */
export const CIPHER_LISTS: Readonly<Record<'intermediate' | 'modern', CipherList>> = {
  intermediate: {
    ciphers: [
      'ECDHE-ECDSA-AES128-GCM-SHA256',
      'ECDHE-RSA-AES128-GCM-SHA256',
      'ECDHE-ECDSA-AES256-GCM-SHA384',
      'ECDHE-RSA-AES256-GCM-SHA384',
      'ECDHE-ECDSA-CHACHA20-POLY1305',
      'ECDHE-RSA-CHACHA20-POLY1305',
    ].join(':'),
    suites: SUITES,
    groups: GROUPS,
    minVersion: '1.2',
  },
  modern: { ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256', suites: SUITES, groups: GROUPS, minVersion: '1.3' },
};
