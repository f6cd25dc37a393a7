/** Relative paths begin at a folder, whichever way the two are written. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { resolvePath } from '../../../debug-adapter/launch/paths.ts';

test.each([
  ['vmlinux', undefined, 'vmlinux'],
  ['/boot/vmlinux', '/work', '/boot/vmlinux'],
  ['vmlinux', '/work', '/work/vmlinux'],
  ['./a/../vmlinux', '/work/', '/work/vmlinux'],
  ['../../../vmlinux', '/work', '/vmlinux'],
  ['../vmlinux', 'work', 'vmlinux'],
  ['../../vmlinux', 'work', '../vmlinux'],
  ['out\\vmlinux', 'C:\\work', 'C:\\work\\out\\vmlinux'],
  ['out/vmlinux', 'C:\\work', 'C:\\work\\out\\vmlinux'],
  ['vmlinux', 'c:/work', 'c:/work/vmlinux'],
  ['D:\\vmlinux', 'C:\\work', 'D:\\vmlinux'],
  ['vmlinux', '\\\\server\\share', '\\\\server\\share\\vmlinux'],
  ['vmlinux', 'vscode-remote://host:80/work', 'vscode-remote://host:80/work/vmlinux'],
  ['../vmlinux', 'vscode-vfs://github/a/b', 'vscode-vfs://github/a/vmlinux'],
  ['vmlinux', 'memfs:', 'memfs:/vmlinux'],
  ['50% done?.elf', 'memfs:/a', 'memfs:/a/50%25 done%3F.elf'],
  ['vscode-vfs://github/x', '/work', 'vscode-vfs://github/x'],
])('%s from %s is %s', (path, folder, expected) => {
  expect(resolvePath(path, folder)).toBe(expected);
});

test('a path that is resolved stays as it is', () => {
  const folder = fc.constantFrom('/work', 'C:\\work', 'vscode-vfs://github/a');
  fc.assert(
    fc.property(fc.string(), folder, (path, from) => {
      const resolved = resolvePath(path, from);
      expect(resolvePath(resolved, from)).toBe(resolved);
    }),
  );
});
