/** Paths of source files, as compilers write them: of the host that compiled, whichever it was. */

const isAbsolute = (path: string): boolean => /^(?:[/\\]|[A-Za-z]:[/\\])/.test(path);

/** Each part counts from the one before unless it is absolute; `.` and `..` are carried out. */
export function joinPath(...parts: readonly string[]): string {
  const joined = parts.reduce(
    (path, part) =>
      isAbsolute(part) || path === ''
        ? part
        : part === ''
          ? path
          : `${path.replace(/[/\\]$/, '')}/${part}`,
    '',
  );
  return /(?:^|[/\\])\.{0,2}[/\\]/.test(joined.slice(1)) ? withoutDots(joined) : joined;
}

function withoutDots(path: string): string {
  const separator = path.includes('/') ? '/' : '\\';
  const [first = '', ...rest] = path.split(/[/\\]/);
  const segments: string[] = [];
  for (const segment of rest) {
    if (segment === '..' && segments.length > 0 && segments.at(-1) !== '..') {
      segments.pop();
    } else if (segment === '..' && isAbsolute(path)) {
      // Above the root is the root.
    } else if (segment !== '.' && segment !== '') {
      segments.push(segment);
    }
  }
  return [first, ...segments].join(separator);
}

/** The segments of a path from the last to the first. */
export const segmentsFromEnd = (path: string): string[] =>
  path
    .split(/[/\\]/)
    .filter((segment) => segment !== '' && segment !== '.')
    .reverse();

/** Whether the last segments of a path are those of another, shorter one. */
export function endsWithPath(path: string, suffix: string): boolean {
  const segments = segmentsFromEnd(path);
  return segmentsFromEnd(suffix).every((segment, index) => segments[index] === segment);
}
