/** The oldest that was tested. Rejecting before routing and time-outs of connections are older. */
export const OLDEST = [1, 0, 2] as const;

export function isOlder(version: string): boolean {
  const parts = version.split('.').map(Number);
  const at = OLDEST.findIndex((part, i) => (parts[i] ?? 0) !== part);
  return at >= 0 && !((parts[at] ?? 0) > OLDEST[at]!);
}
