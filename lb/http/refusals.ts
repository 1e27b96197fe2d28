import type { Refusal } from './request-head.ts';

// What ends a request after its head was read, or before it was.

export const BODY_TOO_LARGE: Refusal = { status: 413, reason: 'body-too-large' };
export const BAD_CHUNK: Refusal = { status: 400, reason: 'malformed-chunk' };
export const SLOW_HEAD: Refusal = { status: 408, reason: 'header-timeout' };
export const SLOW_BODY: Refusal = { status: 408, reason: 'body-timeout' };
export const DRIPPING_BODY: Refusal = { status: 408, reason: 'body-rate' };
