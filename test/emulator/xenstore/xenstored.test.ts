/**
 * Our store against Xen's own xenstored: the same requests from the same domains, and every reply
 * and every event compared, as text.
 *
 * Not compared is what xenstored leaves to chance, since it answers with whatever error came before:
 * a path that does not end in its only NUL, and a refusal to change who hears of special events.
 */

import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { Store } from '../../../emulator/xenstore/store.ts';
import { needs } from '../../support/oracle.ts';
import { Guest, type Type } from './a-store.ts';
import { Xenstored } from './xenstored.ts';

interface Command {
  readonly domain: number;
  readonly type: Type | number;
  readonly payload: string;
  /** None, the one that the domain opened last (which may have ended), or one that never was. */
  readonly transaction: 'none' | 'last' | 'unknown';
}

type Guests = readonly Pick<Guest, 'ask'>[];

/** Before anything is compared: homes for two domains, with something of theirs and of others. */
const preparation: readonly (readonly [type: Type, payload: string])[] = [1, 2].flatMap((id) => [
  ['MKDIR', `/local/domain/${id}/data\0`],
  ['WRITE', `/local/domain/${id}/name\0guest`],
  ['SET_PERMS', `/local/domain/${id}\0n0\0r${id}\0`],
  ['SET_PERMS', `/local/domain/${id}/name\0n0\0r${id}\0`],
  ['SET_PERMS', `/local/domain/${id}/data\0n${id}\0`],
]);

beforeEach(needs('xenstored'));

function realGuests(real: Xenstored): Guests {
  real.createDomain(1);
  real.createDomain(2);
  const tools = real.guest(0);
  for (const [type, payload] of preparation) {
    tools.ask(type, payload);
  }
  for (const id of [1, 2]) {
    tools.ask('INTRODUCE', `${id}\x000\x001\0`);
  }
  return [tools, real.guest(1), real.guest(2)];
}

function ourGuests(store = new Store()): Guests {
  const tools = new Guest(store, 0);
  store.createDomain(1);
  store.createDomain(2);
  for (const [type, payload] of preparation) {
    tools.ask(type, payload);
  }
  return [tools, new Guest(store, 1), new Guest(store, 2)];
}

/** Does what a domain asks, and answers what each domain got until all of it was there. */
function perform(guests: Guests, { domain, type, payload }: Command, id: number): string[][] {
  const direct = guests[domain]?.ask(type, payload, id) ?? [];
  const later = guests.map((guest) => guest.ask('GET_DOMAIN_PATH', '9\0'));
  return later.map((texts, index) => (index === domain ? [...direct, ...texts] : texts));
}

/** Does the same in both, and answers of what was heard the types, with the names of errors. */
function compare(commands: readonly Command[]): string[] {
  const real = new Xenstored();
  const heard: string[] = [];
  try {
    const xens = realGuests(real);
    const ours = ourGuests();
    const opened = [0, 0, 0];
    for (const [index, command] of commands.entries()) {
      const ids = { none: 0, last: opened[command.domain] ?? 0, unknown: 99 };
      const id = ids[command.transaction];
      const expected = perform(xens, command, id);
      const what = `${index}: ${JSON.stringify(command)} in ${id}`;
      expect(perform(ours, command, id), what).toEqual(expected);
      const [, begun] =
        /^TRANSACTION_START (\d+)/.exec(
          expected[command.domain]?.find((text) => text.startsWith('TRANSACTION_START ')) ?? '',
        ) ?? [];
      opened[command.domain] = Number(begun ?? opened[command.domain]);
      heard.push(...expected.flat().map((text) => /^(ERROR )?\w+/.exec(text)?.[0] ?? ''));
    }
  } finally {
    real.stop();
  }
  return heard;
}

const aPath = fc.oneof(
  {
    weight: 12,
    arbitrary: fc
      .tuple(
        fc.constantFrom('', '', '/local/domain/1/', '/local/domain/2/'),
        fc.constantFrom('data', 'data', 'data/a', 'data/a/b', 'data/a/b/c', 'data/d', 'name', 'x'),
      )
      .map(([home, rest]) => home + rest),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '/',
      '/tool',
      '/local',
      '/local/domain/1',
      '/new/node',
      '',
      'data/',
      'data//a',
      '/a+b',
      '@releaseDomain',
      `data/${'p'.repeat(2043)}`,
      `data/${'p'.repeat(2044)}`,
      `/local/domain/-1/${'p'.repeat(2040)}`,
    ),
  },
);

const somePermissions = fc.array(
  fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom('n0', 'n1', 'n2', 'r1', 'r2', 'b1', 'b2', 'w2', 'r0') },
    {
      weight: 1,
      arbitrary: fc.constantFrom('r77', 'x1', 'n', '', 'r0x1', 'r01', 'r08', 'n-1', 'r 1', 'r1 '),
    },
  ),
  { minLength: 1, maxLength: 6 },
);

const aToken = fc.constantFrom('', 't', 'other');

const aRequest: fc.Arbitrary<Pick<Command, 'type' | 'payload'>> = fc.oneof(
  fc
    .tuple(fc.constantFrom('READ', 'DIRECTORY', 'GET_PERMS', 'MKDIR', 'RM'), aPath)
    .map(([type, path]) => ({ type, payload: `${path}\0` }) as const),
  fc
    .tuple(aPath, fc.constantFrom('', 'x', 'a\0b', 'v'.repeat(2015), 'v'.repeat(2016)))
    .map(([path, value]) => ({ type: 'WRITE', payload: `${path}\0${value}` }) as const),
  fc
    .tuple(aPath, somePermissions)
    .map(
      ([path, entries]) =>
        ({ type: 'SET_PERMS', payload: [path, ...entries, ''].join('\0') }) as const,
    ),
  fc
    .tuple(
      fc.constantFrom('WATCH', 'WATCH', 'UNWATCH'),
      aPath,
      aToken,
      fc.constantFrom('', '', 'rest', '1\0'),
    )
    .map(([type, path, token, rest]) => ({ type, payload: `${path}\0${token}\0${rest}` }) as const),
  fc.constant({ type: 'TRANSACTION_START', payload: '\0' } as const),
  fc
    .constantFrom('T\0', 'T\0', 'T\0', 'F\0', 'T', 'X\0')
    .map((payload) => ({ type: 'TRANSACTION_END', payload }) as const),
  fc
    .tuple(aPath, fc.constantFrom('0', '2', '-1', '4x', '', '99999999999'))
    .map(
      ([path, offset]) => ({ type: 'DIRECTORY_PART', payload: `${path}\0${offset}\0` }) as const,
    ),
  fc.constantFrom<Pick<Command, 'type' | 'payload'>>(
    { type: 'GET_DOMAIN_PATH', payload: ' +7x\0' },
    { type: 'GET_DOMAIN_PATH', payload: '7' },
    { type: 'RESET_WATCHES', payload: '\0' },
    { type: 'IS_DOMAIN_INTRODUCED', payload: '2\0' },
    { type: 'IS_DOMAIN_INTRODUCED', payload: '3\0' },
    { type: 'RESUME', payload: '1\0' },
    { type: 'SET_TARGET', payload: '2\x001\0' },
    { type: 'SET_TARGET', payload: '2\x003\0' },
    { type: 'RELEASE', payload: '0\0' },
    { type: 'RELEASE', payload: '3\0' },
    { type: 'CONTROL', payload: 'unknown\0' },
    { type: 'ERROR', payload: '\0' },
    { type: 20, payload: '' },
    { type: 23, payload: 'x' },
  ),
);

const aCommand: fc.Arbitrary<Command> = fc
  .record({
    domain: fc.constantFrom(0, 1, 1, 1, 2),
    request: aRequest,
    transaction: fc.constantFrom<Command['transaction']>('none', 'last', 'last'),
  })
  .map(({ domain, request, transaction }) => {
    const isLeftToChance = request.type === 'SET_PERMS' && request.payload.startsWith('@');
    const isStart = request.type === 'TRANSACTION_START';
    return {
      ...request,
      domain: isLeftToChance ? 0 : domain,
      transaction: isStart && domain === 1 ? 'none' : transaction,
    };
  });

describe('xenstored answers the same', () => {
  test.each([
    {
      says: 'outside of transactions',
      command: aCommand.map((each) => ({ ...each, transaction: 'none' }) as const),
    },
    { says: 'in transactions', command: aCommand },
  ])('$says', { timeout: 120_000 }, ({ command }) => {
    const heard = new Set<string>();
    fc.assert(
      fc.property(fc.array(command, { minLength: 100, maxLength: 150 }), (commands) => {
        for (const text of compare(commands)) {
          heard.add(text);
        }
      }),
      // Each run starts a xenstored, so shrinking would take longer than anyone waits.
      { numRuns: 6, unbiased: true, endOnFailure: true },
    );
    // Both must have been heard, or nothing of interest was compared.
    expect([...heard]).toEqual(expect.arrayContaining(['WATCH_EVENT', 'ERROR EACCES']));
  });
});

describe('xenstored and we differ in nothing when a domain uses up its quota of', () => {
  /** Asks domain 1's questions of both, and answers the replies. */
  function askBoth(requests: readonly (readonly [type: Type, payload: string, id?: number])[]) {
    const real = new Xenstored();
    try {
      const [, xens] = realGuests(real);
      const [, ours] = ourGuests();
      const asked = (guest: Guests[number] | undefined) =>
        requests.flatMap(([type, payload, id]) => guest?.ask(type, payload, id) ?? []);
      const expected = asked(xens);
      expect(asked(ours)).toEqual(expected);
      return expected;
    } finally {
      real.stop();
    }
  }

  const times = <Item>(count: number, make: (index: number) => Item) =>
    Array.from({ length: count }, (_, index) => make(index));

  test('nodes: the 1001st is ENOSPC', { timeout: 60_000 }, () => {
    // Not all in one, whose list of children would become too big before.
    const replies = askBoth(times(1005, (index) => ['MKDIR', `data/${index % 37}/${index}\0`]));
    expect(replies.filter((reply) => reply === 'ERROR ENOSPC|').length).toBeGreaterThan(5);
  });

  test('nodes, in a transaction', { timeout: 60_000 }, () => {
    const replies = askBoth([
      ...times(950, (index) => ['MKDIR', `data/${index % 37}/${index}\0`] as const),
      ['TRANSACTION_START', '\0'],
      ...times(20, (index) => ['MKDIR', `data/x/${index}\0`, 1] as const),
      ['TRANSACTION_END', 'T\0', 1],
      ['DIRECTORY', 'data/x\0'],
    ]);
    expect(replies).toContain('ERROR ENOSPC|');
  });

  test('children of one node, whose names are in its size', () => {
    const replies = askBoth(times(300, (index) => ['MKDIR', `data/child-${index}\0`]));
    expect(replies.at(-1)).toBe('ERROR ENOSPC|');
  });

  test('watches: the 130th is E2BIG', () => {
    const replies = askBoth(times(132, (index) => ['WATCH', `data\0${index}\0`]));
    expect(replies.filter((reply) => reply === 'WATCH OK|')).toHaveLength(129);
  });

  test('transactions: the 12th is ENOSPC', () => {
    const replies = askBoth(times(13, () => ['TRANSACTION_START', '\0']));
    expect(replies.filter((reply) => reply === 'ERROR ENOSPC|')).toHaveLength(2);
  });

  test('memory, which copies in a transaction take too', { timeout: 60_000 }, () => {
    const write = (prefix: string, index: number) =>
      `data/${prefix}${index % 37}/${index}\0${'x'.repeat(1900)}`;
    const replies = askBoth([
      ...times(950, (index) => ['WRITE', write('', index)] as const),
      ['TRANSACTION_START', '\0'],
      ...times(500, (index) => ['WRITE', write('new', index), 1] as const),
      ['TRANSACTION_END', 'T\0', 1],
    ]);
    expect(replies.filter((reply) => reply === 'ERROR EIO|').length).toBeGreaterThan(50);
  });

  test('nodes that one transaction reads', () => {
    const replies = askBoth([
      ['TRANSACTION_START', '\0'],
      ...times(1030, (index) => ['READ', `data/${index}\0`, 1] as const),
      ['TRANSACTION_END', 'T\0', 1],
    ]);
    expect(replies.slice(-2)).toEqual(['ERROR ENOSPC|', 'ERROR ENOMEM|']);
  });
});

test('xenstored and we say the same when a domain vanishes', () => {
  const ask = ([tools, first, second]: Guests, vanish: () => string[]): string[] => {
    const before = [
      tools?.ask('WATCH', '@releaseDomain\0t\0'),
      tools?.ask('SET_PERMS', '@releaseDomain\0n0\0r1\0r2\0'),
      first?.ask('WATCH', '@releaseDomain\0t\0'),
      first?.ask('WRITE', 'data/a\0x'),
      first?.ask('SET_PERMS', 'data/a\0n1\0r2\0'),
      second?.ask('WRITE', 'data/a/b\0x'),
      second?.ask('READ', '/local/domain/1/data/a\0'),
      tools?.ask('WATCH', '/local\0t\0'),
    ];
    const news = vanish();
    // The news may come after the answer to what was asked just then, so a second question follows.
    const after = [tools, first, tools, first].flatMap((guest) => {
      const heard = guest?.ask('GET_PERMS', '/local/domain/2/name\0') ?? [];
      return [...heard, ...(guest?.ask('DIRECTORY', '/local/domain/2\0') ?? [])];
    });
    const rest = [
      tools?.ask('GET_PERMS', '/local/domain/1/data/a\0'),
      tools?.ask('IS_DOMAIN_INTRODUCED', '2\0'),
      tools?.ask('SET_PERMS', '/local/domain/1/data/a\0n2\0'),
      tools?.ask('DIRECTORY_PART', '/local/domain/2\x000\0'),
    ];
    return [...before.flat(), ...news, ...after, ...rest.flat()].map((text) => text ?? '');
  };
  const real = new Xenstored();
  try {
    const xens = realGuests(real);
    const expected = ask(xens, () => {
      real.destroyDomain(2);
      const heard: string[] = [];
      // It has heard of it once domain 2 is no longer introduced.
      do {
        heard.push(...(xens[0]?.ask('IS_DOMAIN_INTRODUCED', '2\0') ?? []));
      } while (heard.at(-1) !== 'IS_DOMAIN_INTRODUCED F|');
      return heard.filter((text) => text.startsWith('WATCH_EVENT'));
    });
    const store = new Store();
    const vanishes = () => {
      store.releaseDomain(2);
      return [];
    };
    expect(ask(ourGuests(store), vanishes)).toEqual(expected);
  } finally {
    real.stop();
  }
});
