/**
 * Where the sources of a program are now, if nobody has said so: below the folder that is open, under the
 * same names as far as possible.
 */

import type { PathMapping } from '../debuggee/source-map.ts';
import type { AsyncFiles } from '../session/session-host.ts';

/** Files of the program that are looked for, and looks at the file system in all. */
const MOST_FILES = 12;
const MOST_LOOKS = 60;

/**
 * Mappings by which files of the program lie in the folder, those first that more files follow. None
 * where the program’s own paths lead to files.
 */
export async function findSources(
  sources: readonly string[],
  folder: string | undefined,
  files: AsyncFiles,
): Promise<PathMapping[]> {
  const counts = new Map<string, number>();
  let looks = 0;
  const isThere = async (path: string): Promise<boolean> => {
    looks += 1;
    return await files.read(path).then(
      () => true,
      () => false,
    );
  };
  for (const source of spread(sources, MOST_FILES)) {
    if (looks >= MOST_LOOKS || (isAbsolute(source) && (await isThere(source)))) {
      continue;
    }
    const segments = source.split('/');
    for (let dropped = 0; dropped < segments.length && folder !== undefined; dropped++) {
      const rest = segments.slice(dropped).join('/');
      if (rest !== '' && looks < MOST_LOOKS && (await isThere(`${folder}/${rest}`))) {
        const from = segments.slice(0, dropped).join('/');
        counts.set(from, (counts.get(from) ?? 0) + 1);
        break;
      }
    }
  }
  return [...counts].sort(([, a], [, b]) => b - a).map(([from]) => ({ from, to: folder ?? '' }));
}

const isAbsolute = (path: string): boolean => path.startsWith('/');

/** So many of a list, from all parts of it. */
function spread<T>(items: readonly T[], count: number): T[] {
  const stride = Math.max(1, Math.floor(items.length / count));
  return items.filter((_, i) => i % stride === 0).slice(0, count);
}
