export interface StripFillProps {
  readonly ports: number;
  readonly used: number;
  readonly quarantined: number;
  readonly unusable: number;
  readonly label: string;
}

/** How full a port space is, until it is known where: no canvas, as a new one for each row that scrolls past costs most of a frame. */
export function StripFill({ ports, used, quarantined, unusable, label }: StripFillProps) {
  const percent = (count: number): string => `${((100 * count) / Math.max(1, ports)).toFixed(2)}%`;
  const marks = [
    `var(--port-used) ${percent(used)}`,
    `var(--port-rest) ${percent(used)} ${percent(used + quarantined)}`,
    `var(--port-bad) ${percent(used + quarantined)} ${percent(used + quarantined + unusable)}`,
    `transparent ${percent(used + quarantined + unusable)}`,
  ];
  return (
    <span
      class="strip"
      role="img"
      aria-label={label}
      style={{ backgroundImage: `linear-gradient(to top, ${marks})` }}
    />
  );
}
