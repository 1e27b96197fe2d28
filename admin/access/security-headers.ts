/**
 * On every answer, unless the route has a policy of its own: it is data, not a page, and for whoever asked alone. After OWASP's list for
 * REST APIs; what only pages need (COEP and the like) is with the pages.
 */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cache-Control': 'no-store',
};

/** Over TLS: browsers do not come back without it. */
export const STRICT_TRANSPORT = 'max-age=31536000';
