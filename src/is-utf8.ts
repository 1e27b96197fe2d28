/** Whether a terminal with this environment shows Unicode: the first of these that is set decides (POSIX, section 8.2). */
export function isUtf8({ LC_ALL, LC_CTYPE, LANG }: Readonly<Record<string, string | undefined>>): boolean {
  return /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || '');
}
