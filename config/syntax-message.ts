import type { YAMLError } from 'yaml';

/** The parser's words, or better ones where they speak of its interface rather than of the file. */
export function syntaxMessage({ code, message }: YAMLError): string {
  switch (code) {
    case 'MULTIPLE_DOCS':
      return 'the file must be one YAML document; remove what follows "---"';
    case 'NON_STRING_KEY':
      return 'keys must be plain words';
    case 'DUPLICATE_KEY':
      return 'the key is there twice';
    case 'RESOURCE_EXHAUSTION':
      return 'nested too deeply';
    default:
      return message;
  }
}
