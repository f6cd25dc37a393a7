import { expect, test } from 'vitest';
import { adviceFor } from '../../../debug-adapter/disassembly/advice.ts';
import { anElfFile } from '../../support/an-elf-file.ts';

const withByte = (offset: number, byte: number): Uint8Array => {
  const file = anElfFile([]);
  file[offset] = byte;
  return file;
};

test.each([
  { what: 'an empty file', bytes: new Uint8Array(0), advice: 'Choose an ELF file' },
  { what: 'a text', bytes: new TextEncoder().encode('hello'), advice: 'Choose an ELF file' },
  { what: 'a 64-bit file', bytes: withByte(4, 2), advice: 'Build it for the i386' },
  { what: 'a big-endian file', bytes: withByte(5, 2), advice: 'Build it for the i386' },
  { what: 'a file for ARM', bytes: withByte(18, 40), advice: 'Build it for the i386' },
  { what: 'half a header', bytes: anElfFile([]).subarray(0, 20), advice: 'copy or build it again' },
  { what: 'a damaged file', bytes: withByte(46, 1), advice: 'copy or build it again' },
])('advice about $what', ({ bytes, advice }) => {
  expect(adviceFor(bytes)).toContain(advice);
});
