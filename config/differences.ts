/** One value by which two configs differ. */
export interface Difference {
  /** Keys from the file down; members of lists go by their name or address, others by their place. */
  readonly path: readonly string[];
  /** Undefined where there is none. */
  readonly before: unknown;
  readonly after: unknown;
}

/**
 * What differs between two values of portico.yaml, as written. Members of lists that have a `name` or an `address` are compared with
 * those of the same one, wherever they are; a change of their order alone is no difference, but for routes, which go by place.
 */
export function differences(before: unknown, after: unknown, path: readonly string[] = []): Difference[] {
  if (isMapping(before) && isMapping(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...keys].flatMap((key) => differences(before[key], after[key], [...path, key]));
  }
  if (Array.isArray(before) && Array.isArray(after)) {
    const [from, to] = [membersOf(before), membersOf(after)];
    return differences(from, to, path);
  }
  return Object.is(before, after) ? [] : [{ path, before, after }];
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function membersOf(list: readonly unknown[]): Record<string, unknown> {
  const keys = list.map((each) => {
    if (!isMapping(each)) return undefined;
    const key = each.name ?? each.address;
    return typeof key === 'string' ? key : undefined;
  });
  // Names that repeat tell no member from another.
  const areKeys = new Set(keys).size === list.length && !keys.includes(undefined);
  return Object.fromEntries(list.map((each, i) => [areKeys ? keys[i]! : String(i), each]));
}
