export interface DiffLine {
  readonly kind: 'same' | 'removed' | 'added';
  readonly text: string;
  /** From 1, in the text that has it: the new one for lines of both. */
  readonly line: number;
}

/** Beyond this many pairs of lines the middle is shown as all removed and all added, instead of taking seconds. */
const MAX_PAIRS = 4_000_000;

/** The shortest way from one text to the other, by line: common head and tail first, then the longest common subsequence between them. */
export function lineDiff(before: string, after: string): DiffLine[] {
  const old = before.split('\n');
  const now = after.split('\n');
  let head = 0;
  while (head < old.length && head < now.length && old[head] === now[head]) head++;
  let tail = 0;
  while (tail < old.length - head && tail < now.length - head && old.at(-1 - tail) === now.at(-1 - tail)) tail++;
  const middle = between(old.slice(head, old.length - tail), now.slice(head, now.length - tail), head);
  const same = (text: string, line: number): DiffLine => ({ kind: 'same', text, line });
  return [
    ...now.slice(0, head).map((text, i) => same(text, i + 1)),
    ...middle,
    ...now.slice(now.length - tail).map((text, i) => same(text, now.length - tail + i + 1)),
  ];
}

function between(old: readonly string[], now: readonly string[], head: number): DiffLine[] {
  const removed = (i: number): DiffLine => ({ kind: 'removed', text: old[i]!, line: head + i + 1 });
  const added = (j: number): DiffLine => ({ kind: 'added', text: now[j]!, line: head + j + 1 });
  if (old.length * now.length > MAX_PAIRS) return [...old.map((_, i) => removed(i)), ...now.map((_, j) => added(j))];
  // lengths[i][j]: of the longest common subsequence of what follows i and j.
  const width = now.length + 1;
  const lengths = new Uint16Array((old.length + 1) * width);
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = now.length - 1; j >= 0; j--) {
      lengths[i * width + j] =
        old[i] === now[j]
          ? lengths[(i + 1) * width + j + 1]! + 1
          : Math.max(lengths[(i + 1) * width + j]!, lengths[i * width + j + 1]!);
    }
  }
  const lines: DiffLine[] = [];
  let i = 0;
  let j = 0;
  while (i < old.length || j < now.length) {
    if (i < old.length && j < now.length && old[i] === now[j]) {
      lines.push({ kind: 'same', text: now[j]!, line: head + j + 1 });
      i++;
      j++;
    } else if (j >= now.length || (i < old.length && lengths[(i + 1) * width + j]! >= lengths[i * width + j + 1]!)) {
      lines.push(removed(i++));
    } else {
      lines.push(added(j++));
    }
  }
  return lines;
}

/** Only the changes, with so many lines around them; `undefined` stands for lines that are left out. */
export function withContext(lines: readonly DiffLine[], around = 3): (DiffLine | undefined)[] {
  const isNear = lines.map(() => false);
  lines.forEach(({ kind }, i) => {
    if (kind !== 'same') isNear.fill(true, Math.max(0, i - around), i + around + 1);
  });
  const shown: (DiffLine | undefined)[] = [];
  lines.forEach((line, i) => {
    if (isNear[i]) shown.push(line);
    else if (isNear[i - 1] === true || (i === 0 && isNear.includes(true))) shown.push(undefined);
  });
  return shown;
}
