/** How full something is. `label` says of what; the number beside it is the page's to write. */
export function Meter({ share, label }: { readonly share: number; readonly label: string }) {
  const percent = Math.min(100, Math.max(0, share * 100));
  const tone = percent >= 90 ? 'bad' : percent >= 70 ? 'warn' : 'info';
  return (
    // biome-ignore lint/a11y/useSemanticElements: browsers colour their own meter each in a way of its own
    <span
      class={`meter meter-${tone}`}
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(percent)}
    >
      <span class="meter-fill" style={{ width: `${percent > 0 ? Math.max(percent, 1.5) : 0}%` }} />
    </span>
  );
}
