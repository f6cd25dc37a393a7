/** The domains that launch.json comes to. */

import { expect, test } from 'vitest';
import { validateLaunch } from '../../../debug-adapter/launch/launch-configuration.ts';
import {
  type LaunchedMachine,
  launchedMachine,
} from '../../../debug-adapter/launch/launched-machine.ts';

const xlFiles: Readonly<Record<string, string>> = {
  '/work/guest.cfg': 'name = "of the file"\nkernel = "vmlinux"\nmemory = 32\ndisk = ["r.img,xvda"]',
  '/work/card.cfg': 'kernel = "vmlinux"\nvif = [""]',
  '/work/uuid.cfg': 'kernel = "vmlinux"\nuuid = "00000000-0000-0000-0000-000000000001"',
};

function launched(written: object): Promise<LaunchedMachine> {
  return launchedMachine(validateLaunch({ cwd: '/work', ...written }), (path) =>
    Promise.resolve(xlFiles[path] ?? ''),
  );
}

test('paths begin at the folder', async () => {
  const { domains } = await launched({
    kernel: 'vmlinux',
    ramdisk: 'initrd',
    disks: ['r.img,xvda'],
    symbols: ['debug.elf'],
  });
  expect(domains).toMatchObject([
    {
      configuration: {
        kernel: '/work/vmlinux',
        ramdisk: '/work/initrd',
        disks: [{ file: '/work/r.img' }],
      },
      symbols: [{ file: '/work/debug.elf' }],
    },
  ]);
});

test('a domain is called what launch.json, its xl file or its kernel say, in this order', async () => {
  const { domains } = await launched({
    domains: [
      { name: 'mine', config: 'guest.cfg' },
      { config: 'guest.cfg' },
      { kernel: 'boot/linux.elf' },
    ],
  });
  expect(domains.map(({ configuration }) => configuration.name)).toEqual([
    'mine',
    'of the file',
    'linux',
  ]);
});

test('launch.json counts more than an xl file, and its disks come in addition', async () => {
  const { domains } = await launched({ config: 'guest.cfg', memory: 64, disks: ['s.img,xvdb'] });
  expect(domains[0]?.configuration).toMatchObject({
    memory: 64,
    maxMemory: 64,
    disks: [{ file: '/work/r.img' }, { file: '/work/s.img' }],
  });
});

test('each domain has a UUID of its own', async () => {
  const { domains } = await launched({ domains: [{ kernel: 'a' }, { kernel: 'b' }] });
  const uuids = domains.map(({ configuration }) => configuration.uuid);
  expect(uuids).toEqual([
    '00000000-0000-0000-0000-000000000001',
    '00000000-0000-0000-0000-000000000002',
  ]);
});

test('a network card of an xl file is said to have no effect', async () => {
  expect((await launched({ config: 'card.cfg' })).warnings).toEqual([
    '/work/card.cfg: vif has no effect: there is no network back-end yet.',
  ]);
});

test.each<[object[], string]>([
  [
    [{ kernel: 'a/linux' }, { kernel: 'b/linux' }],
    '"domains[0]" and "domains[1]" are both called "linux": write a different "domains[1].name".',
  ],
  [
    [{ kernel: 'b' }, { config: 'uuid.cfg' }, { config: 'uuid.cfg', name: 'c' }],
    '"domains[1]" and "domains[2]" both have the uuid 00000000-0000-0000-0000-000000000001: write ' +
      'a different one into the file that "domains[2].config" names.',
  ],
  [
    [
      { kernel: 'a', memory: 600 },
      { kernel: 'b', memory: 600 },
    ],
    'The "domains" together have 1200 MiB of memory, but a machine has room for 1000: write a ' +
      'smaller "memory" for one.',
  ],
])('domains %j are refused', async (domains, sentence) => {
  await expect(launched({ domains })).rejects.toThrow(sentence);
});
