import type { Random } from './random.ts';

/** What parsers differ about. */
const BYTES = [
  '\0',
  '\t',
  '\n',
  '\r',
  '\r\n',
  '\x0b',
  '\x0c',
  '\x1b',
  ' ',
  '\x7f',
  '\x80',
  '\x85',
  '\xa0',
  '\xff',
].concat([...':;,"#%/\\?@[]_-+0159axAX=*']);

/** Changes up to three places of `text`: bytes put in, taken out, replaced, or a piece repeated. */
export function mutate(text: string, random: Random): string {
  let result = text;
  for (let left = 1 + random.below(3); left > 0 && result.length > 0; left--) {
    const at = random.below(result.length);
    const span = 1 + random.below(8);
    switch (random.below(5)) {
      case 0:
        result = result.slice(0, at) + result.slice(at + span);
        break;
      case 1:
        result = result.slice(0, at) + result.slice(at, at + span) + result.slice(at);
        break;
      case 2:
        result = result.slice(0, at) + random.pick(BYTES) + result.slice(at + 1);
        break;
      default:
        result = result.slice(0, at) + random.pick(BYTES) + result.slice(at);
    }
  }
  return result;
}

/** `text` in one to three parts, as a network may deliver it. */
export function split(text: string, random: Random): string[] {
  if (random.chance(0.7) || text.length < 3) return [text];
  const cuts = [1 + random.below(text.length - 1), 1 + random.below(text.length - 1)].sort((a, b) => a - b);
  return [text.slice(0, cuts[0]), text.slice(cuts[0], cuts[1]), text.slice(cuts[1])].filter((part) => part !== '');
}
