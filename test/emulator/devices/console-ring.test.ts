/** The console's page, served as xenconsoled serves it. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { XENCONSOLE, xencons_interface } from '../../../emulator/abi/io/console.ts';
import { ConsoleRing } from '../../../emulator/devices/console/console-ring.ts';
import type { GrantedPage } from '../../../emulator/devices/frontend.ts';
import type { JournalEntry } from '../../../emulator/devices/journal.ts';
import { GrantingDomain } from '../../support/granting-domain.ts';

const bytesOf = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const textOf = (bytes: Iterable<number>) => String.fromCharCode(...bytes);

/** A guest with a console, and what its user sees and does. */
function aConsole({ isConnected = true } = {}) {
  const domain = new GrantingDomain(1);
  const ref = domain.grant('write');
  const shared = xencons_interface.at(new DataView(domain.page(ref).buffer));
  const port = domain.openPort();
  const page = domain.mapGrant(ref, 'write') as GrantedPage;
  const journal: JournalEntry[] = [];
  let seen = '';
  const host = {
    write: (bytes: Uint8Array) => {
      seen += textOf(bytes);
    },
  };
  const console = new ConsoleRing(domain, host, { record: (entry) => journal.push(entry) });
  if (isConnected) {
    console.connect(page, port);
  }
  return {
    domain,
    shared,
    port,
    page,
    journal,
    console,
    host,
    seen: () => seen,
    /** The guest prints and raises the event. */
    print(text: string) {
      for (const letter of bytesOf(text)) {
        shared.out[shared.out_prod % 2048] = letter;
        shared.out_prod++;
      }
      domain.raise(port);
    },
    /** The guest takes up to so many bytes of input and raises the event. */
    take(most = 1024): string {
      const taken: number[] = [];
      while (shared.in_cons !== shared.in_prod && taken.length < most) {
        taken.push(shared.in[shared.in_cons % 1024] ?? 0);
        shared.in_cons++;
      }
      domain.raise(port);
      return textOf(taken);
    },
  };
}

describe('output', () => {
  test('reaches the host when the guest raises the event', () => {
    const guest = aConsole();
    guest.print('Welcome to GRUB!');
    expect(guest.seen()).toBe('Welcome to GRUB!');
  });

  test('is taken off the ring, and the guest is told that there is room', () => {
    const guest = aConsole();
    guest.print('abc');
    expect(guest.shared.out_cons).toBe(3);
    expect(guest.domain.eventsAt(guest.port)).toBe(1);
  });

  test('may fill the ring', () => {
    const guest = aConsole();
    const text = 'x'.repeat(2048);
    guest.print(text);
    expect(guest.seen()).toBe(text);
  });

  test('goes over the end of the buffer, and of 32 bits', () => {
    const guest = aConsole();
    guest.shared.out_cons = 0xffff_fffe;
    guest.shared.out_prod = 0xffff_fffe;
    guest.print('abcd');
    expect(guest.seen()).toBe('abcd');
    expect(guest.shared.out_cons).toBe(2);
  });

  test('that was printed before anyone listened is not lost', () => {
    const guest = aConsole({ isConnected: false });
    guest.print('early');
    guest.console.connect(guest.page, guest.port);
    expect(guest.seen()).toBe('early');
  });

  test('an event without output is answered by nothing', () => {
    const guest = aConsole();
    guest.domain.raise(guest.port);
    expect(guest.domain.eventsAt(guest.port)).toBe(0);
  });
});

describe('input', () => {
  test('is put on the ring, with an event', () => {
    const guest = aConsole();
    guest.console.input(bytesOf('ls\r'));
    expect(guest.domain.eventsAt(guest.port)).toBe(1);
    expect(guest.take()).toBe('ls\r');
  });

  test('that does not fit waits until the guest makes room; nothing is lost', () => {
    const guest = aConsole();
    const text = Array.from({ length: 5000 }, (_, index) => 'abcdefg'[index % 7]).join('');
    guest.console.input(bytesOf(text));
    expect(guest.shared.in_prod).toBe(1024);
    expect(guest.console.pendingInput).toBe(5000);
    let taken = '';
    while (guest.console.pendingInput > 0) {
      taken += guest.take(700);
    }
    expect(taken).toBe(text);
  });

  test('before there is a console waits for it', () => {
    const guest = aConsole({ isConnected: false });
    guest.console.input(bytesOf('early'));
    guest.console.connect(guest.page, guest.port);
    expect(guest.take()).toBe('early');
  });

  test('goes over the end of the buffer, and of 32 bits', () => {
    const guest = aConsole();
    guest.shared.in_cons = 0xffff_fffe;
    guest.shared.in_prod = 0xffff_fffe;
    guest.console.input(bytesOf('abcd'));
    expect(guest.take()).toBe('abcd');
  });
});

describe('indices that make no sense', () => {
  test('stop the output, with one record, until the guest has put them right', () => {
    const guest = aConsole();
    guest.shared.out_prod = 2049;
    guest.domain.raise(guest.port);
    guest.domain.raise(guest.port);
    expect(guest.seen()).toBe('');
    expect(guest.shared.out_cons).toBe(0);
    expect(guest.journal).toMatchObject([{ kind: 'ring broken', device: 'console/0', domain: 1 }]);
    guest.shared.out_prod = 0;
    guest.print('again');
    expect(guest.seen()).toBe('again');
  });

  test('are recorded anew each time', () => {
    const guest = aConsole();
    for (const produced of [5000, 0, 5000]) {
      guest.shared.out_prod = produced;
      guest.domain.raise(guest.port);
    }
    expect(guest.journal).toHaveLength(2);
  });

  test('hold input back but lose none', () => {
    const guest = aConsole();
    guest.shared.in_cons = 7;
    guest.console.input(bytesOf('kept'));
    expect(guest.shared.in_prod).toBe(0);
    expect(guest.journal).toHaveLength(1);
    guest.shared.in_cons = 0;
    guest.domain.raise(guest.port);
    expect(guest.take()).toBe('kept');
  });
});

test('a guest that waits for a connected console sees one', () => {
  const guest = aConsole({ isConnected: false });
  guest.shared.connection = XENCONSOLE.DISCONNECTED;
  expect(guest.console.connect(guest.page, guest.port)).toBe(true);
  expect(guest.shared.connection).toBe(XENCONSOLE.CONNECTED);
});

test('a port that does not wait for domain 0 is no console', () => {
  const guest = aConsole({ isConnected: false });
  guest.shared.connection = XENCONSOLE.DISCONNECTED;
  expect(guest.console.connect(guest.page, 77)).toBe(false);
  expect(guest.shared.connection).toBe(XENCONSOLE.DISCONNECTED);
});

test('a disconnected console leaves the page alone and keeps its input', () => {
  const guest = aConsole();
  guest.console.disconnect();
  guest.console.input(bytesOf('later'));
  expect(guest.shared.in_prod).toBe(0);
  expect(guest.domain.isBound(guest.port)).toBe(false);
  expect(guest.console.pendingInput).toBe(5);
});

test('a restored console goes on, with the input that waited', () => {
  const guest = aConsole();
  guest.console.input(bytesOf('x'.repeat(1024)));
  guest.console.input(bytesOf('yz'));
  const image = structuredClone(guest.console.capture());
  const again = new ConsoleRing(guest.domain, guest.host, { record: () => undefined });
  again.restore(image);
  guest.take();
  expect(guest.take()).toBe('yz');
  guest.print('out');
  expect(guest.seen()).toBe('out');
  expect(structuredClone(again.capture()).waiting).toEqual(new Uint8Array(0));
});

test('whatever the guest writes into the page, nothing is thrown and no input is lost', () => {
  const aPoke = fc.tuple(fc.integer({ min: 3072, max: 3087 }), fc.nat(255));
  fc.assert(
    fc.property(fc.array(fc.array(aPoke), { maxLength: 30 }), (rounds) => {
      const guest = aConsole();
      let given = 0;
      let moved = 0;
      for (const pokes of rounds) {
        for (const [at, value] of pokes) {
          guest.page.write8(at, value);
        }
        const before = guest.shared.in_prod;
        guest.console.input(bytesOf('abc'));
        given += 3;
        moved += (guest.shared.in_prod - before) >>> 0;
        const again = guest.shared.in_prod;
        guest.domain.raise(guest.port);
        moved += (guest.shared.in_prod - again) >>> 0;
        expect(guest.console.capture().waiting).toHaveLength(given - moved);
      }
    }),
  );
});
