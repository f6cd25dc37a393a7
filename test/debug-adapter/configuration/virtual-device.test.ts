import { expect, test } from 'vitest';
import { virtualDevice } from '../../../debug-adapter/configuration/virtual-device.ts';

test.each([
  ['xvda', 51_712],
  ['xvda1', 51_713],
  ['xvdb', 51_728],
  ['xvdp15', 51_967],
  ['xvda16', (1 << 28) | 16],
  ['xvdq', (1 << 28) | (16 << 8)],
  ['xvdaa', (1 << 28) | (26 << 8)],
  ['xvdaa3', (1 << 28) | (26 << 8) | 3],
  ['d0p0', 51_712],
  ['d16p2', (1 << 28) | (16 << 8) | 2],
  ['hda', 768],
  ['hdb1', 833],
  ['hdc', 5632],
  ['hdd63', 5759],
  ['sda', 2048],
  ['sda1', 2049],
  ['sdp15', 2303],
  ['51712', 51_712],
  ['0xca00', 51_712],
])('%s is number %i', (name, number) => {
  expect(virtualDevice(name)).toEqual({ name, number });
});

test.each([
  ...['', 'xvd', 'xvda0', 'xvda01', 'xvda256', 'xvdA', 'xvdzzzzz', 'hde', 'hda64', 'sdq', 'sda16'],
  ...['vda', 'xvda1x', '-1', '2147483648', '1.5', 'd1048576p0', 'd0p256'],
])('%s is none', (name) => {
  expect(virtualDevice(name)).toBeUndefined();
});
