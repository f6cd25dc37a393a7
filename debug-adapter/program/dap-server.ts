/** The debug adapter as a program: conversations over standard input and output, or over TCP. */

import { createServer, type Socket } from 'node:net';
import process from 'node:process';
import { Session } from '../session/session.ts';
import type { SessionHost } from '../session/session-host.ts';
import { framed, MessageReader } from '../session/wire.ts';
import { files, preparedEngine } from './host-files.ts';

const LOOPBACK = '127.0.0.1';

const host: SessionHost = {
  files: {
    read: (path) => Promise.resolve(path).then((file) => files.read(file)),
    openDisk: (path, isWritable) =>
      Promise.resolve(path).then((file) => files.openDisk(file, isWritable)),
  },
  engine: () => Promise.resolve(preparedEngine()),
  now: () => performance.now(),
  delay: (milliseconds) =>
    new Promise((resolve) => {
      if (milliseconds === 0) {
        setImmediate(resolve);
      } else {
        setTimeout(resolve, milliseconds);
      }
    }),
};

interface Streams {
  readonly input: NodeJS.ReadableStream;
  write(bytes: Uint8Array): void;
}

/** Ends when the client has nothing more to say. */
function converse({ input, write }: Streams): Promise<void> {
  const session = new Session(host, (message) => write(framed(message)));
  const reader = new MessageReader({
    onMessage: (message) => session.receive(message),
    onGarbage: (problem) => session.complain(problem),
  });
  return new Promise((resolve) => {
    const end = (): void => {
      session.dispose();
      resolve();
    };
    input.on('data', (chunk: Buffer) => reader.push(new Uint8Array(chunk)));
    input.on('end', end);
    input.on('close', end);
    input.on('error', end);
  });
}

export function serveOnStandardStreams(): Promise<void> {
  // A client that has gone away is not written to any more.
  process.stdout.on('error', () => process.exit(0));
  return converse({ input: process.stdin, write: (bytes) => process.stdout.write(bytes) });
}

/** One conversation after another, or several at once, each with a machine of its own; for ever. */
export function serveOnPort(port: number): Promise<void> {
  const server = createServer((socket: Socket) => {
    socket.setNoDelay(true);
    void converse({
      input: socket,
      write: (bytes) => (socket.destroyed ? undefined : socket.write(bytes)),
    }).then(() => socket.destroy());
  });
  return new Promise((_, reject) => {
    server.on('error', reject);
    server.listen(port, LOOPBACK, () => {
      const address = server.address();
      const bound = typeof address === 'object' && address !== null ? address.port : port;
      process.stderr.write(`The debug adapter listens on ${LOOPBACK}:${bound}.\n`);
    });
  });
}
