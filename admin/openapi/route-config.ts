declare module 'fastify' {
  interface FastifyContextConfig {
    /** Statuses of problems that the route answers with, besides those that every route may. */
    readonly problems?: readonly number[];
    /** Bodies that it takes besides JSON. */
    readonly alsoTakes?: readonly string[];
    /** Left out of the description of the API. */
    readonly isUndocumented?: boolean;
  }
}

/** The request is malformed, a part of its path is too long, it has no token, may not, came to another server's name, is one of too many; or there is a bug. */
const OF_EVERY_ROUTE = [400, 401, 403, 414, 421, 429, 500];
/** The body is too large, or of a type that is not taken. */
const OF_BODIES = [413, 415];

/** All statuses of problems that a route may answer with. */
export function problemsOf(own: readonly number[] | undefined, hasBody: boolean): readonly number[] {
  return [...OF_EVERY_ROUTE, ...(hasBody ? OF_BODIES : []), ...(own ?? [])].toSorted((a, b) => a - b);
}
