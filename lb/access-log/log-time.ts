import type { LineBuffer } from './line-buffer.ts';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `2026-11-24T21:30:00.123Z` after what always stands before it; the text of a second is made once. */
export class IsoTime {
  private readonly before: string;
  private second = -1;
  private text = Buffer.alloc(0);

  constructor(before: string) {
    this.before = before;
  }

  put(line: LineBuffer, epochMs: number): void {
    const ms = Math.floor(epochMs);
    const second = Math.floor(ms / 1000);
    if (second !== this.second) {
      this.second = second;
      this.text = Buffer.from(this.before + new Date(second * 1000).toISOString().slice(0, 20), 'latin1');
    }
    line.put(this.text);
    const rest = ms - second * 1000;
    const { bytes } = line;
    bytes[line.end++] = 0x30 + ((rest / 100) | 0);
    bytes[line.end++] = 0x30 + (((rest / 10) | 0) % 10);
    bytes[line.end++] = 0x30 + (rest % 10);
    bytes[line.end++] = 0x5a;
  }
}

/** `[24/Nov/2026:21:30:00 +0000]`, the time of the Common Log Format, always in UTC. */
export class CommonTime {
  private second = -1;
  private text = '';

  put(line: LineBuffer, epochMs: number): void {
    const second = Math.floor(epochMs / 1000);
    if (second !== this.second) {
      this.second = second;
      const [date = '', time = ''] = new Date(second * 1000).toISOString().slice(0, 19).split('T');
      const [year, month, day] = date.split('-');
      this.text = `[${day}/${MONTHS[Number(month) - 1]}/${year}:${time} +0000]`;
    }
    line.putText(this.text);
  }
}
