let last = 0;

/** Resident memory of this process; what it was last where it cannot be read, as when no descriptor is left to read it by. */
export function residentBytes(): number {
  try {
    last = process.memoryUsage.rss();
  } catch {
    // libuv opens a file of /proc for it.
  }
  return last;
}
