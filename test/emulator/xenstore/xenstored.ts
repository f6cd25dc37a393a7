/**
 * Xen's own xenstored, started without Xen: see without-xen.c. Domains talk to it over their rings,
 * which are files here, so that it takes them for what they claim to be.
 */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { XS, xenstore_domain_interface } from '../../../emulator/abi/io/xs-wire.ts';
import { bytesOf } from '../../../emulator/xenstore/bytes.ts';
import { type Message, Parser, serialize } from '../../../emulator/xenstore/wire.ts';
import { xenstored } from '../../support/oracle.ts';
import { messageText, type Type } from './a-store.ts';

const { req, rsp, req_cons, req_prod, rsp_cons, rsp_prod } = xenstore_domain_interface.offsets;

const source = join(import.meta.dirname, 'without-xen.c');

/** Longer than anything takes that is not stuck. */
const PATIENCE_MS = 20_000;

const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** A running xenstored. Everything about it is synchronous. */
export class Xenstored {
  readonly #folder = mkdtempSync(join(tmpdir(), 'ringside-xenstored-'));
  readonly #process: ChildProcess;
  readonly #events: number;
  readonly #rings: number[] = [];

  constructor() {
    const stand_in = join(this.#folder, 'without-xen.so');
    run('gcc', ['-shared', '-fPIC', '-o', stand_in, source, '-ldl']);
    run('mkfifo', [join(this.#folder, 'events')]);
    this.#events = openSync(join(this.#folder, 'events'), 'r+');
    writeFileSync(join(this.#folder, 'port-0'), '1\n');
    this.createDomain(0);
    this.#process = spawn(xenstored, ['-N'], {
      stdio: 'ignore',
      env: {
        LD_PRELOAD: stand_in,
        RINGSIDE_XENSTORED: this.#folder,
        XENSTORED_RUNDIR: this.#folder,
        XENSTORED_ROOTDIR: this.#folder,
      },
    });
  }

  /** Makes a domain exist; domain 0 must then introduce it. */
  createDomain(domain: number): void {
    writeFileSync(this.#ring(domain), new Uint8Array(4096));
  }

  /** Makes a domain vanish, and says so. */
  destroyDomain(domain: number): void {
    rmSync(this.#ring(domain));
    this.signal('v');
  }

  /** The driver in a domain. */
  guest(domain: number): XenstoredGuest {
    const ring = openSync(this.#ring(domain), 'r+');
    this.#rings.push(ring);
    return new XenstoredGuest(ring, () => this.signal('.'));
  }

  signal(event: string): void {
    writeSync(this.#events, event);
  }

  stop(): void {
    this.#process.kill();
    for (const file of [this.#events, ...this.#rings]) {
      closeSync(file);
    }
    rmSync(this.#folder, { recursive: true });
  }

  #ring(domain: number): string {
    return join(this.#folder, `ring-${domain}`);
  }
}

/** What `Guest` is for our store. */
export class XenstoredGuest {
  readonly #file: number;
  readonly #signal: () => void;
  readonly #parser = new Parser();
  #lastRequest = 0;

  constructor(file: number, signal: () => void) {
    this.#file = file;
    this.#signal = signal;
  }

  /** Asks something and answers all that has come until the reply. */
  ask(type: Type | number, payload = '', transaction = 0): string[] {
    this.#lastRequest += 1;
    const number = typeof type === 'number' ? type : XS[type];
    const message = { type: number, requestId: this.#lastRequest, transaction };
    this.#put(serialize({ ...message, payload: bytesOf(payload) }));
    const received: Message[] = [];
    const isReply = (each: Message) => each.requestId === this.#lastRequest;
    this.#wait(`the answer to ${type} ${JSON.stringify(payload)}`, () => {
      received.push(...this.#take());
      return received.some(isReply);
    });
    return received.map(messageText);
  }

  #put(bytes: Uint8Array): void {
    let done = 0;
    this.#wait('room for a request', () => {
      const produced = this.#word(req_prod);
      const room = 1024 - ((produced - this.#word(req_cons)) >>> 0);
      const start = produced % 1024;
      const piece = bytes.subarray(done, done + Math.min(room, 1024 - start));
      writeSync(this.#file, piece, 0, piece.length, req + start);
      this.#setWord(req_prod, produced + piece.length);
      this.#signal();
      done += piece.length;
      return done === bytes.length;
    });
  }

  #take(): Message[] {
    const messages: Message[] = [];
    for (;;) {
      const consumed = this.#word(rsp_cons);
      const filled = (this.#word(rsp_prod) - consumed) >>> 0;
      const start = consumed % 1024;
      const length = Math.min(filled, this.#parser.missing, 1024 - start);
      if (length === 0) {
        return messages;
      }
      const bytes = new Uint8Array(length);
      readSync(this.#file, bytes, 0, length, rsp + start);
      this.#setWord(rsp_cons, consumed + length);
      this.#signal();
      const parsed = this.#parser.receive(bytes);
      if (parsed.kind === 'message') {
        messages.push(parsed.message);
      }
    }
  }

  #word(offset: number): number {
    const bytes = new DataView(new ArrayBuffer(4));
    readSync(this.#file, bytes, 0, 4, offset);
    return bytes.getUint32(0, true);
  }

  #setWord(offset: number, value: number): void {
    const bytes = new DataView(new ArrayBuffer(4));
    bytes.setUint32(0, value, true);
    writeSync(this.#file, bytes, 0, 4, offset);
  }

  #wait(what: string, isDone: () => boolean): void {
    const deadline = Date.now() + PATIENCE_MS;
    while (!isDone()) {
      if (Date.now() > deadline) {
        throw new Error(`xenstored has not given ${what} within ${PATIENCE_MS} ms`);
      }
      Atomics.wait(sleeper, 0, 0, 0.1);
    }
  }
}

function run(program: string, options: readonly string[]): void {
  const { status, stderr } = spawnSync(program, options, { encoding: 'utf8' });
  if (status !== 0) {
    throw new Error(`${program} ${options.join(' ')} failed: ${stderr}`);
  }
}
