import type { ComponentChildren, VNode } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';

export interface VirtualRowsProps {
  readonly label: string;
  readonly count: number;
  /** Of every row, in pixels. */
  readonly rowHeight: number;
  readonly columns: readonly string[];
  readonly row: (index: number) => ComponentChildren;
  readonly keyOf: (index: number) => string;
  /** Which rows are on the page now; the second is not among them. */
  readonly onRange?: (from: number, to: number) => void;
}

/** Rows beyond the window that are there already when it scrolls. */
const SPARE = 6;

/** A table of any length of which only what can be seen is on the page. It scrolls by itself, also with the keyboard. */
export function VirtualRows({ label, count, rowHeight, columns, row, keyOf, onRange }: VirtualRowsProps) {
  const box = useRef<HTMLDivElement>(null);
  const [seen, setSeen] = useState({ from: 0, to: 30 });

  const look = (): void => {
    const element = box.current;
    // An observer's or a scroll's last call may come when the page is already another.
    if (element === null) return;
    const from = Math.max(0, Math.floor(element.scrollTop / rowHeight) - SPARE);
    const to = Math.ceil((element.scrollTop + element.clientHeight) / rowHeight) + SPARE;
    setSeen((last) => (last.from === from && last.to === to ? last : { from, to }));
  };
  useLayoutEffect(look, [count, rowHeight]);
  useEffect(() => {
    const resized = new ResizeObserver(look);
    resized.observe(box.current!);
    return () => resized.disconnect();
  }, [rowHeight]);

  const from = Math.min(seen.from, count);
  const to = Math.min(seen.to, count);
  useEffect(() => onRange?.(from, to), [from, to, onRange]);
  // Scrolling alone changes no row: those that stay are handed over as they are, and are not compared.
  const made = useMemo(() => new Map<number, VNode>(), [row, keyOf, rowHeight]);
  for (const i of made.keys()) if (i < from || i >= to) made.delete(i);
  const rows: VNode[] = [];
  for (let i = from; i < to; i++) {
    const known = made.get(i);
    if (known !== undefined) {
      rows.push(known);
      continue;
    }
    const vnode = (
      // biome-ignore lint/a11y/useSemanticElements: rows of a table element cannot be put where they would be without those before them
      // biome-ignore lint/a11y/useFocusableInteractive: rows are read; what is in them has the focus
      <div
        key={keyOf(i)}
        class="virtual-row"
        role="row"
        aria-rowindex={i + 2}
        style={{ height: `${rowHeight}px`, transform: `translateY(${i * rowHeight}px)` }}
      >
        {row(i)}
      </div>
    );
    made.set(i, vnode);
    rows.push(vnode);
  }
  return (
    // biome-ignore lint/a11y/useSemanticElements: as its rows
    <div class="virtual" role="table" aria-label={label} aria-rowcount={count + 1}>
      {/* biome-ignore lint/a11y/useSemanticElements: as its rows */}
      {/* biome-ignore lint/a11y/useFocusableInteractive: as its rows */}
      <div role="row" aria-rowindex={1} class="virtual-head">
        {columns.map((name) => (
          // biome-ignore lint/a11y/useSemanticElements: as its rows
          // biome-ignore lint/a11y/useFocusableInteractive: as its rows
          <span key={name} role="columnheader">
            {name}
          </span>
        ))}
      </div>
      {/* biome-ignore lint/a11y/useSemanticElements: as its rows */}
      <div
        ref={box}
        class="virtual-box"
        style={{ height: `${count * rowHeight}px` }}
        role="rowgroup"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        tabIndex={0}
        onScroll={look}
      >
        <div role="presentation" style={{ height: `${count * rowHeight}px` }}>
          {rows}
        </div>
      </div>
    </div>
  );
}
