/** Lines of nginx's `split_clients` that share connections evenly among source addresses. */
export function splitSources(sources: readonly string[]): string {
  const share = (100 / sources.length).toFixed(2);
  return sources.map((source, i) => `    ${i === sources.length - 1 ? '*' : `${share}%`} ${source};`).join('\n');
}
