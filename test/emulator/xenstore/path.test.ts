/** Paths, permissions and numbers as text. */

import { describe, expect, test } from 'vitest';
import { atoi, strtol } from '../../../emulator/xenstore/c-numbers.ts';
import {
  absolutePath,
  childOf,
  isValidPath,
  isWithin,
  leafOf,
  parentOf,
} from '../../../emulator/xenstore/path.ts';
import { parsePermissions, permissionText } from '../../../emulator/xenstore/permissions.ts';

const home = '/local/domain/12/';

describe('a path', () => {
  test.each(['/', '/a', '/a/b-c_D@9', `/${'a'.repeat(2047)}`, `${home}${'a'.repeat(2048)}`])(
    'may be %.30s…',
    (path) => {
      expect(isValidPath(path)).toBe(true);
    },
  );

  test.each([
    '',
    'a',
    '@a',
    '/a/',
    '//',
    '/a//b',
    '/a b',
    '/a\n',
    '/ä',
    '/a+',
    `/${'a'.repeat(2048)}`,
    `${home}${'a'.repeat(2049)}`,
    `/local/domain/123456/${'a'.repeat(2045)}`,
  ])('may not be %.30j', (path) => {
    expect(isValidPath(path)).toBe(false);
  });

  test('is relative unless it begins with a slash or an at sign', () => {
    expect(['a/b', '/a', '@a', ''].map((path) => absolutePath('/home', path))).toEqual([
      '/home/a/b',
      '/a',
      '@a',
      '/home/',
    ]);
  });

  test('has a parent and a leaf; the root is its own parent', () => {
    expect(['/', '/a', '/a/b'].map(parentOf)).toEqual(['/', '/', '/a']);
    expect(['/a', '/a/b'].map(leafOf)).toEqual(['a', 'b']);
    expect(['/', '/a'].map((path) => childOf(path, 'c'))).toEqual(['/c', '/a/c']);
  });

  test('lies within itself, its ancestors and the root, not within what begins alike', () => {
    expect(['/', '/a', '/a/b', '/a/b/c', '/a/bc'].map((path) => isWithin('/a/b', path))).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
    expect(isWithin('/a/bc', '/a/b')).toBe(false);
  });
});

describe('a number', () => {
  test.each([
    ['12', 12],
    [' \t+12x', 12],
    ['-1', 0xffff_ffff],
    ['x', 0],
    ['', 0],
    ['4294967297', 1],
    ['99999999999999999999', 0xffff_ffff],
    ['-99999999999999999999', 0],
  ])('%j is %d for atoi', (text, expected) => {
    expect(atoi(text)).toBe(expected);
  });

  test.each([
    ['12', 12],
    [' 12', 12],
    ['0x1F', 31],
    ['010', 8],
    ['0', 0],
    ['-2', 0xffff_fffe],
    ['', undefined],
    [' ', undefined],
    ['08', undefined],
    ['0x', undefined],
    ['1 ', undefined],
    ['a', undefined],
  ])('%j is %j for strtol', (text, expected) => {
    expect(strtol(text)).toBe(expected);
  });
});

describe('permissions', () => {
  test('are read and written as a letter and a domain', () => {
    const texts = ['n0', 'r5', 'w7', 'b32767', 'n-1'];
    expect(parsePermissions(texts)?.map(permissionText)).toEqual(texts);
  });

  test.each([[[]], [['x1']], [['n']], [['n0', 'N1']], [['1']]])('%j are malformed', (texts) => {
    expect(parsePermissions(texts)).toBeUndefined();
  });
});
