/**
 * Messages on a stream, as the Debug Adapter Protocol frames them: a header with `Content-Length`, an
 * empty line, and so many bytes of JSON.
 *
 * Whoever is at the other end may send anything. What cannot be a message is told to `onGarbage`, and
 * reading goes on behind it.
 */

const HEADER_END = [13, 10, 13, 10] as const;
/** A header is a few dozen bytes, a message some thousand; more is no client of ours. */
const LONGEST_HEADER = 4096;
const LONGEST_MESSAGE = 64 << 20;

export interface Reader {
  onMessage(message: unknown): void;
  /** @param problem a sentence */
  onGarbage(problem: string): void;
}

export class MessageReader {
  readonly #reader: Reader;
  #chunks: Uint8Array[] = [];
  #length = 0;
  /** Of the message that comes next; undefined: its header has not ended. */
  #wanted: number | undefined;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });

  constructor(reader: Reader) {
    this.#reader = reader;
  }

  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (this.#wanted !== undefined && this.#length < this.#wanted) {
      return;
    }
    while (this.#take()) {
      // As many messages as have come.
    }
  }

  /** Answers whether something was taken, so that there may be more. */
  #take(): boolean {
    if (this.#wanted === undefined) {
      return this.#takeHeader();
    }
    if (this.#length < this.#wanted) {
      return false;
    }
    const body = this.#remove(this.#wanted);
    this.#wanted = undefined;
    this.#deliver(body);
    return true;
  }

  #takeHeader(): boolean {
    const bytes = this.#joined();
    const end = indexOfHeaderEnd(bytes);
    if (end < 0) {
      if (bytes.length > LONGEST_HEADER) {
        this.#remove(bytes.length);
        this.#reader.onGarbage(`${bytes.length} bytes came without the end of a header.`);
      }
      return false;
    }
    const header = new TextDecoder('latin1').decode(bytes.subarray(0, end));
    this.#remove(end + HEADER_END.length);
    const [, digits] = /^content-length: *(\d{1,10}) *$/im.exec(header) ?? [];
    const length = Number(digits);
    if (digits === undefined || length > LONGEST_MESSAGE) {
      this.#reader.onGarbage(`A header has no usable Content-Length: ${quoted(header)}.`);
    } else {
      this.#wanted = length;
    }
    return true;
  }

  #deliver(body: Uint8Array): void {
    let message: unknown;
    try {
      message = JSON.parse(this.#decoder.decode(body));
    } catch {
      const text = new TextDecoder('latin1').decode(body.subarray(0, LONGEST_HEADER));
      this.#reader.onGarbage(`A message is not JSON: ${quoted(text)}.`);
      return;
    }
    this.#reader.onMessage(message);
  }

  #joined(): Uint8Array {
    if (this.#chunks.length !== 1) {
      const all = new Uint8Array(this.#length);
      let at = 0;
      for (const chunk of this.#chunks) {
        all.set(chunk, at);
        at += chunk.length;
      }
      this.#chunks = [all];
    }
    return this.#chunks[0] as Uint8Array;
  }

  #remove(count: number): Uint8Array {
    const bytes = this.#joined();
    this.#chunks = [bytes.subarray(count)];
    this.#length -= count;
    return bytes.subarray(0, count);
  }
}

function indexOfHeaderEnd(bytes: Uint8Array): number {
  const last = Math.min(bytes.length - HEADER_END.length, LONGEST_HEADER);
  for (let i = 0; i <= last; i++) {
    if (HEADER_END.every((byte, k) => bytes[i + k] === byte)) {
      return i;
    }
  }
  return -1;
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

/** A message with its header. */
export function framed(message: object): Uint8Array {
  const encoder = new TextEncoder();
  const body = encoder.encode(JSON.stringify(message));
  const header = encoder.encode(`Content-Length: ${body.length}\r\n\r\n`);
  const bytes = new Uint8Array(header.length + body.length);
  bytes.set(header);
  bytes.set(body, header.length);
  return bytes;
}
