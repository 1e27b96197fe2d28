/** What a command shows to a running Portico that asks who comes. */
export interface AdminCredentials {
  readonly token?: string | undefined;
  /** Files of a certificate and its key. */
  readonly identity?: { readonly cert: string; readonly key: string } | undefined;
}

/** They are in the environment, and not in arguments, which everybody on a machine can read. */
export function credentialsOf(env: NodeJS.ProcessEnv): AdminCredentials {
  const { PORTICO_TOKEN: token, PORTICO_CLIENT_CERT: cert, PORTICO_CLIENT_KEY: key } = env;
  return { token, identity: cert === undefined ? undefined : { cert, key: key ?? cert } };
}
