/**
 * What becomes of debug information that does not add up.
 *
 * A file may come from anywhere. Whatever is wrong in it ends in a `DwarfError`, and whoever reads a
 * unit, a line table or a frame notes it as a problem and goes on with the next one.
 */

/** Why debug information cannot be read, in a sentence that names the section and the offset. */
export class DwarfError extends Error {
  override readonly name = 'DwarfError';
}

/** `section` with an offset that a reader can look up in a dump. */
export function placeIn(section: string, offset: number): string {
  return `${section} at 0x${offset.toString(16)}`;
}

const MOST_PROBLEMS = 50;

/** The sentences about what had to be left out of a file; each once, and only so many. */
export class Problems {
  readonly #sentences = new Set<string>();

  get sentences(): readonly string[] {
    return [...this.#sentences];
  }

  note(sentence: string): void {
    if (this.#sentences.size < MOST_PROBLEMS) {
      this.#sentences.add(sentence);
    } else if (this.#sentences.size === MOST_PROBLEMS) {
      this.#sentences.add('There are further problems in the debug information.');
    }
  }

  /** What `read` answers, or `otherwise` with a problem noted when it finds bad debug information. */
  guard<T, U>(read: () => T, otherwise: U): T | U {
    try {
      return read();
    } catch (error) {
      if (error instanceof DwarfError) {
        this.note(error.message);
        return otherwise;
      }
      throw error;
    }
  }
}
