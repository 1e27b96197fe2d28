/** Lines to type in a shell. */
export function Commands({ lines }: { readonly lines: readonly string[] }) {
  return <pre>{lines.join('\n')}</pre>;
}
