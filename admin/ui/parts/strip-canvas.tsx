import { useEffect, useRef } from 'preact/hooks';
import type { PortStrip } from '../api/types.ts';
import { stripShape } from '../model/strip-shape.ts';

export interface StripCanvasProps {
  readonly strip: Pick<PortStrip, 'first' | 'ports' | 'used' | 'quarantined' | 'unusable'>;
  /** What it shows, in words. */
  readonly label: string;
  /** Changes with the colours of the page. */
  readonly theme: string;
}

const PROPERTIES = { used: '--port-used', quarantined: '--port-rest', unusable: '--port-bad' } as const;

/** The port space of one source towards one destination. */
export function StripCanvas({ strip, label, theme }: StripCanvasProps) {
  const canvas = useRef<HTMLCanvasElement>(null);

  useEffect(() => {
    const element = canvas.current!;
    const ratio = devicePixelRatio;
    const width = Math.round(element.clientWidth * ratio);
    const height = Math.round(element.clientHeight * ratio);
    if (element.width !== width) element.width = width;
    if (element.height !== height) element.height = height;
    const context = element.getContext('2d')!;
    context.clearRect(0, 0, width, height);
    const style = getComputedStyle(element);
    const shape = stripShape(strip, width, height);
    for (const kind of ['used', 'quarantined', 'unusable'] as const) {
      context.fillStyle = style.getPropertyValue(PROPERTIES[kind]);
      for (const part of shape) if (part.kind === kind) context.fillRect(part.x, part.y, part.width, part.height);
    }
  }, [strip, theme]);

  const tell = ({ offsetX }: MouseEvent): void => {
    const element = canvas.current!;
    const i = Math.min(strip.ports.length - 1, Math.floor((offsetX / element.clientWidth) * strip.ports.length));
    const first = strip.first[i];
    if (first === undefined) return;
    const last = first + strip.ports[i]! - 1;
    element.title = `Ports ${first}–${last}: ${strip.used[i]} used, ${strip.quarantined[i]} resting, ${strip.unusable[i]} unusable`;
  };
  return <canvas ref={canvas} class="strip" role="img" aria-label={label} onMouseMove={tell} />;
}
