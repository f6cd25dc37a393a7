/** What launch.json may say, and the sentence for each mistake in it. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  domainProperties,
  machineProperties,
  validateLaunch,
} from '../../../debug-adapter/launch/launch-configuration.ts';
import { UserError } from '../../../debug-adapter/user-error.ts';

/** The sentence that refuses it. */
function refusal(written: unknown): string {
  try {
    validateLaunch(written);
  } catch (error) {
    if (error instanceof UserError) {
      return error.message;
    }
    throw error;
  }
  throw new Error('It is not refused.');
}

const kernel = 'vmlinux';

describe('what is accepted', () => {
  test('a kernel alone is one domain with everything unset', () => {
    expect(validateLaunch({ type: 'ringside', request: 'launch', name: 'x', kernel })).toEqual({
      domains: [
        {
          kernel,
          config: undefined,
          ramdisk: undefined,
          commandLine: undefined,
          memory: undefined,
          vcpus: undefined,
          disks: [],
          networks: [],
          profile: 'auto',
          model: 'auto',
          symbols: [],
          name: undefined,
          where: '',
        },
      ],
      cwd: undefined,
      sourceMap: [],
      stopOnEntry: false,
      console: undefined,
      trace: false,
    });
  });

  test('a disk as a text and as an object is the same disk', () => {
    const [asText] = validateLaunch({ kernel, disks: ['root.img,xvda,r'] }).domains;
    const [asObject] = validateLaunch({
      kernel,
      disks: [{ file: 'root.img', device: 'xvda', access: 'r' }],
    }).domains;
    expect(asObject.disks).toEqual(asText.disks);
  });

  test('an unset access of a disk is an overlay, and a CD-ROM is read only', () => {
    const { domains } = validateLaunch({
      kernel,
      disks: ['a.img,xvda', { file: 'b.img', device: 'xvdb', isCdrom: true }],
    });
    expect(domains[0].disks.map(({ access }) => access)).toEqual(['overlay', 'r']);
  });

  test('symbols are paths or files with an address, in decimal or hexadecimal', () => {
    const { domains } = validateLaunch({
      kernel,
      symbols: ['a', { file: 'b', address: 4096 }, { file: 'c', address: '0xC8000000' }],
    });
    expect(domains[0].symbols).toEqual([
      { file: 'a', address: undefined },
      { file: 'b', address: 4096 },
      { file: 'c', address: 0xc800_0000 },
    ]);
  });

  test('a source map keeps the order in which it is written', () => {
    const { sourceMap } = validateLaunch({ kernel, sourceMap: { '/b': 'x', '/a': 'y' } });
    expect(sourceMap).toEqual([
      { from: '/b', to: 'x' },
      { from: '/a', to: 'y' },
    ]);
  });

  test('a key that is undefined is one that is not there', () => {
    expect(validateLaunch({ kernel, memory: undefined, nonsense: undefined })).toEqual(
      validateLaunch({ kernel }),
    );
  });

  test('what clients add for themselves is no mistake', () => {
    const added = { __sessionId: 'x', noDebug: true, preLaunchTask: 'make', 'dap-server-path': [] };
    expect(validateLaunch({ kernel, ...added })).toEqual(validateLaunch({ kernel }));
  });
});

describe('each mistake has its sentence', () => {
  test.each<[object | null | string, string]>([
    [null, 'The launch request has no arguments: write an object with a "kernel".'],
    [{}, 'There is no "kernel": write the path of a guest kernel, or of an xl file as "config".'],
    [{ kernel: '' }, `"kernel" is empty: write the path of the guest kernel's file.`],
    [{ kernel: 7 }, `"kernel" is 7: write the path of the guest kernel's file.`],
    [{ kernel: null }, `"kernel" is null: write the path of the guest kernel's file.`],
    [
      { kernel, config: 'guest.cfg' },
      '"kernel" stands beside "config", which names a kernel too: write one of them.',
    ],
    [{ kernel, memory: '64' }, '"memory" is "64": write a whole number from 4 to 1000 MiB.'],
    [{ kernel, memory: 3 }, '"memory" is 3: write a whole number from 4 to 1000 MiB.'],
    [{ kernel, memory: 64.5 }, '"memory" is 64.5: write a whole number from 4 to 1000 MiB.'],
    [{ kernel, vcpus: 33 }, '"vcpus" is 33: write a whole number from 1 to 32.'],
    [{ kernel, vcpus: Number.NaN }, '"vcpus" is NaN: write a whole number from 1 to 32.'],
    [
      { kernel, cmdline: 'quiet' },
      '"cmdline" means nothing here: write "commandLine" if that is what you mean.',
    ],
    [
      { kernel, memroy: 64 },
      '"memroy" means nothing here: write "memory" if that is what you mean.',
    ],
    [{ program: kernel }, '"program" means nothing here: write "kernel" if that is what you mean.'],
    [
      { kernel, StopOnEntry: true },
      '"StopOnEntry" means nothing here: write "stopOnEntry" if that is what you mean.',
    ],
    [
      { kernel, zzz: 1 },
      '"zzz" means nothing here: write one of domains, cwd, sourceMap, stopOnEntry, console, ' +
        'trace, kernel, config, ramdisk, commandLine, memory, vcpus, disks, networks, profile, ' +
        'model, symbols.',
    ],
    [
      { kernel, profile: 'xen-4.18' },
      '"profile" is "xen-4.18": write "auto", "xen-3.0" or "xen-4.17".',
    ],
    [{ kernel, model: 'hvm' }, '"model" is "hvm": write "auto", "direct" or "translated".'],
    [{ kernel, stopOnEntry: 'yes' }, '"stopOnEntry" is "yes": write true or false.'],
    [{ kernel, console: 'xterm' }, '"console" is "xterm": write "terminal" or "debugConsole".'],
    [{ kernel, trace: 1 }, '"trace" is 1: write true or false, or the path of a file to write.'],
    [
      { kernel, disks: 'root.img,xvda' },
      '"disks" is "root.img,xvda": write a list of disks, each "FILE,DEVICE[,ACCESS]" as in ' +
        '"root.img,xvda,overlay" or an object.',
    ],
    [
      { kernel, disks: ['root.img'] },
      '"disks[0]": The disk "root.img" names no device: write FILE,DEVICE as in "root.img,xvda".',
    ],
    [
      { kernel, disks: [7] },
      '"disks[0]" is 7: write "FILE,DEVICE[,ACCESS]" as in "root.img,xvda,overlay", or an object ' +
        'with "file" and "device".',
    ],
    [
      { kernel, disks: [{ file: 'root.img' }] },
      '"disks[0]" has no "device": write a device such as "xvda", "sda1" or "51712" there.',
    ],
    [
      { kernel, disks: [{ file: 'root.img', vdev: 'xvda' }] },
      '"disks[0].vdev" means nothing here: write "device" if that is what you mean.',
    ],
    [
      { kernel, disks: [{ file: 'root.img', device: 'floppy' }] },
      '"disks[0].device" is "floppy": write a device such as "xvda", "sda1" or "51712".',
    ],
    [
      { kernel, disks: ['a,xvda', { file: 'b', device: 'xvda' }] },
      '"disks[1]": Two disks are to be the device xvda.',
    ],
    [
      { kernel, networks: [{}] },
      '"networks" has a card, but there is no network back-end yet: write an empty list.',
    ],
    [
      { kernel, networks: [{ mac: 'random' }] },
      '"networks[0].mac" is "random": write six bytes as in "00:16:3e:01:02:03".',
    ],
    [
      { kernel, symbols: [{ file: 'a', address: 'here' }] },
      '"symbols[0].address" is "here": write an address in hexadecimal as in "0xc8000000".',
    ],
    [
      { kernel, symbols: [{ address: 4096 }] },
      '"symbols[0]" has no "file": write the path of an ELF file there.',
    ],
    [
      { kernel, sourceMap: ['/a', '/b'] },
      '"sourceMap" is a list: write an object such as { "/build/linux": "${workspaceFolder}" }.',
    ],
    [{ kernel, sourceMap: { '/a': 7 } }, '"sourceMap["/a"]" is 7: write a text in quotes.'],
    [{ domains: [] }, '"domains" is empty: write an object with "kernel" for each domain.'],
    [
      { domains: [{ name: 'a' }] },
      '"domains[0]" has no "kernel": write the path of a guest kernel, or of an xl file as "config".',
    ],
    [
      { domains: [{ kernel }], memory: 64 },
      '"memory" stands beside "domains": write it into each domain that it is about.',
    ],
    [
      { domains: [{ kernel }], kernel },
      '"kernel" stands beside "domains": write it into each domain that it is about.',
    ],
    [
      {
        domains: [
          { name: 'a', kernel },
          { name: 'a', kernel },
        ],
      },
      '"domains[1].name" is "a" as "domains[0].name" is: write different names.',
    ],
    [
      { domains: [{ kernel, memory: 1e9 }] },
      '"domains[0].memory" is 1000000000: write a whole number from 4 to 1000 MiB.',
    ],
  ])('%j', (written, sentence) => {
    expect(refusal(written)).toBe(sentence);
  });

  test('a long value is not repeated whole', () => {
    expect(refusal({ kernel, profile: 'x'.repeat(10_000) }).length).toBeLessThan(200);
  });

  test('a long key is not repeated whole', () => {
    expect(refusal({ kernel, ['x'.repeat(10_000)]: 1 }).length).toBeLessThan(400);
  });
});

test('whatever is written, it is accepted or refused with one line that says what to write', () => {
  const keys = [...Object.keys({ ...domainProperties, ...machineProperties }), '__proto__'];
  const value = fc.oneof(
    fc.anything({ maxDepth: 3 }),
    fc.constantFrom<unknown>(kernel, 'a,xvda', 64, ['a,xvda'], [{ file: 'a' }], {}),
  );
  const object = fc.dictionary(fc.oneof(fc.constantFrom(...keys), fc.string()), value);
  const written = fc.oneof(fc.anything(), object, fc.record({ domains: fc.array(object) }));
  fc.assert(
    fc.property(written, (launch) => {
      try {
        expect(validateLaunch(launch).domains.length).toBeGreaterThan(0);
      } catch (error) {
        expect(error).toBeInstanceOf(UserError);
        expect((error as UserError).message).toMatch(/^[^\n]+(?:: .+\.|\.)$/);
      }
    }),
    { numRuns: 20_000 },
  );
});
