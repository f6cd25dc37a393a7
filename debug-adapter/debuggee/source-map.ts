/**
 * Between the paths in debug information and those of the user’s files.
 *
 * The longest prefix that the user mapped decides. A path from the client that fits no mapping is found
 * by the end that it has in common with a file of the program, so that sources may lie anywhere.
 */

export interface SourceNames {
  sourceFiles(): readonly string[];
}

/** From a beginning of paths in the debug information to one of the user’s files. */
export interface PathMapping {
  readonly from: string;
  readonly to: string;
}

export class SourceMap {
  readonly #mappings: readonly (readonly [from: string, to: string])[];
  readonly #names: SourceNames;
  readonly #byClientPath = new Map<string, string | undefined>();

  constructor(mappings: readonly PathMapping[], names: SourceNames) {
    const pairs = mappings.map(({ from, to }) => [from, to] as const);
    this.#mappings = pairs.sort(([a], [b]) => b.length - a.length);
    this.#names = names;
  }

  /** The user’s file for a path of the program; the same path where nothing is mapped. */
  clientPath(path: string): string {
    for (const [from, to] of this.#mappings) {
      if (isWithin(path, from)) {
        return from === '' ? `${to}/${path}` : to + path.slice(from.length);
      }
    }
    for (const [client, own] of this.#byClientPath) {
      if (own === path) {
        return client;
      }
    }
    return path;
  }

  /** The program’s path of a user’s file; undefined: the program has no such file. */
  programPath(client: string): string | undefined {
    if (!this.#byClientPath.has(client)) {
      this.#byClientPath.set(client, this.#find(client));
    }
    return this.#byClientPath.get(client);
  }

  #find(client: string): string | undefined {
    const files = this.#names.sourceFiles();
    const path = normalized(client);
    const known = new Set(files);
    for (const [from, to] of this.#mappings) {
      const rest = path.slice(normalized(to).length);
      const mapped = from === '' ? rest.replace(/^\//, '') : from + rest;
      if (isWithin(path, normalized(to)) && known.has(mapped)) {
        return mapped;
      }
    }
    if (known.has(path)) {
      return path;
    }
    return longestCommonEnd(path, files);
  }
}

/** The empty prefix is that of relative paths. */
const isWithin = (path: string, prefix: string): boolean =>
  (prefix === '' && !path.startsWith('/')) ||
  path === prefix ||
  path.startsWith(prefix.endsWith('/') ? prefix : `${prefix}/`);

/** The path of an address such as `vscode-remote://host/x`, with forward slashes. */
function normalized(path: string): string {
  const [, ofAddress] = /^[a-z][a-z0-9+.-]+:\/\/[^/]*(\/.*)$/i.exec(path) ?? [];
  return (ofAddress === undefined ? path : decoded(ofAddress)).replaceAll('\\', '/');
}

/** Without %20 and its like, where they are well formed. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** The file whose last segments are those of the path, the most of them; its name at least. */
function longestCommonEnd(path: string, files: readonly string[]): string | undefined {
  const wanted = path.split('/').reverse();
  let best: string | undefined;
  let most = 0;
  for (const file of files) {
    const segments = file.split('/').reverse();
    let common = 0;
    while (common < wanted.length && segments[common] === wanted[common]) {
      common++;
    }
    if (common > most) {
      most = common;
      best = file;
    }
  }
  return best;
}
