/** Names of disks, as xl understands them. */

import { expect, test } from 'vitest';
import { deviceNumberOf } from '../../../emulator/devices/block/device-number.ts';

test.each([
  ['xvda', 51712],
  ['xvda1', 51713],
  ['xvdb', 51728],
  ['xvdp15', 51967],
  ['xvdq', (1 << 28) | (16 << 8)],
  ['xvda16', (1 << 28) | 16],
  ['xvdaa', (1 << 28) | (26 << 8)],
  ['hda', 768],
  ['hdb1', 833],
  ['hdc', 5632],
  ['hdd', 5696],
  ['sda', 2048],
  ['sda1', 2049],
  ['sdp15', 2303],
])('%s is %i', (name, number) => {
  expect(deviceNumberOf(name)).toBe(number);
});

test.each([
  '',
  'xvd',
  'xvda0',
  'xvda01',
  'xvda256',
  'xvdA',
  'hde',
  'hda64',
  'sdq',
  'sda16',
  'vda',
  'xvdzzzzz',
  'xvda ',
])('"%s" is no disk', (name) => {
  expect(deviceNumberOf(name)).toBeUndefined();
});
