import { useEffect, useRef } from 'preact/hooks';
import type { PortStrip } from '../api/answers.ts';
import { stripShape } from '../model/strip-shape.ts';
import { useServices } from '../services.ts';

export interface StripCanvasProps {
  readonly strip: Pick<PortStrip, 'first' | 'ports' | 'used' | 'quarantined' | 'unusable'>;
  readonly label: string;
  readonly palette: StripPalette;
}

const KINDS = ['used', 'quarantined', 'unusable'] as const;
const PROPERTIES = { used: '--port-used', quarantined: '--port-rest', unusable: '--port-bad' } as const;

export type StripPalette = Readonly<Record<(typeof KINDS)[number], string>>;

/** The colours of the theme that is in force. To be read once for all strips: each look may make the browser work out all styles. */
export function readPalette(): StripPalette {
  const style = getComputedStyle(document.documentElement);
  const colour = (kind: keyof StripPalette): string => style.getPropertyValue(PROPERTIES[kind]);
  return { used: colour('used'), quarantined: colour('quarantined'), unusable: colour('unusable') };
}

/** The port space of one source towards one destination. */
export function StripCanvas({ strip, label, palette }: StripCanvasProps) {
  const { paint } = useServices();
  const canvas = useRef<HTMLCanvasElement>(null);

  useEffect(() => {
    const element = canvas.current!;
    paint.add(element, () => draw(element, strip, palette));
    return () => paint.remove(element);
  }, [strip, palette, paint]);

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

function draw(element: HTMLCanvasElement, strip: StripCanvasProps['strip'], palette: StripPalette): void {
  const width = Math.round(element.clientWidth * devicePixelRatio);
  const height = Math.round(element.clientHeight * devicePixelRatio);
  if (element.width !== width) element.width = width;
  if (element.height !== height) element.height = height;
  const context = element.getContext('2d')!;
  context.clearRect(0, 0, width, height);
  const shape = stripShape(strip, width, height);
  for (const kind of KINDS) {
    context.fillStyle = palette[kind];
    for (const part of shape) if (part.kind === kind) context.fillRect(part.x, part.y, part.width, part.height);
  }
}
