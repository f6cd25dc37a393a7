import { describe, expect, test } from 'vitest';
import {
  type DisassembledInstruction,
  disassemble,
  type SyntaxName,
} from '../../../emulator/cpu/disassembler.ts';
import { instructionSet } from '../../../emulator/cpu/instruction-set.ts';

function disassembled(
  bytes: string,
  syntax: SyntaxName,
  symbolAt: (address: number) => string | undefined = () => undefined,
): DisassembledInstruction {
  const code = Uint8Array.from(bytes.split(' '), (digits) => Number.parseInt(digits, 16));
  return disassemble(instructionSet.map, code, 0, 0x1000, { syntax, symbolAt });
}

describe.each([
  {
    does: 'AT&T syntax writes the target last',
    bytes: '01 d8',
    att: 'add %ebx,%eax',
    intel: 'add eax,ebx',
  },
  {
    does: 'a suffix tells the size where no register does',
    bytes: 'c7 00 01 00 00 00',
    att: 'movl $0x1,(%eax)',
    intel: 'mov DWORD PTR [eax],0x1',
  },
  {
    does: 'CL is no register that tells the size',
    bytes: 'd2 00',
    att: 'rolb %cl,(%eax)',
    intel: 'rol BYTE PTR [eax],cl',
  },
  {
    does: 'a shift by one is written without it in AT&T syntax',
    bytes: 'd1 e0',
    att: 'shl %eax',
    intel: 'shl eax,1',
  },
  {
    does: 'a displacement of a register has a sign',
    bytes: '8b 45 f8',
    att: 'mov -0x8(%ebp),%eax',
    intel: 'mov eax,DWORD PTR [ebp-0x8]',
  },
  {
    does: 'a displacement of zero is written if the bytes have it',
    bytes: '8b 40 00',
    att: 'mov 0x0(%eax),%eax',
    intel: 'mov eax,DWORD PTR [eax+0x0]',
  },
  {
    does: 'an absolute address has no sign',
    bytes: '8b 05 00 00 00 f0',
    att: 'mov 0xf0000000,%eax',
    intel: 'mov eax,DWORD PTR ds:0xf0000000',
  },
  {
    does: 'a SIB byte without an index shows',
    bytes: '8d b4 26 00 00 00 00',
    att: 'lea 0x0(%esi,%eiz,1),%esi',
    intel: 'lea esi,[esi+eiz*1+0x0]',
  },
  {
    does: 'a 16-bit address has two registers',
    bytes: '67 8b 40 08',
    att: 'mov 0x8(%bx,%si),%eax',
    intel: 'mov eax,DWORD PTR [bx+si+0x8]',
  },
  {
    does: 'a segment override stands before the address',
    bytes: '65 a1 14 00 00 00',
    att: 'mov %gs:0x14,%eax',
    intel: 'mov eax,gs:0x14',
  },
  {
    does: 'the sign extension of a move has both sizes',
    bytes: '0f be c0',
    att: 'movsbl %al,%eax',
    intel: 'movsx eax,al',
  },
  { does: 'conversions have names by size', bytes: '66 98', att: 'cbtw', intel: 'cbw' },
  {
    does: 'string instructions show their operands',
    bytes: 'f3 a5',
    att: 'rep movsl %ds:(%esi),%es:(%edi)',
    intel: 'rep movs DWORD PTR es:[edi],DWORD PTR ds:[esi]',
  },
  {
    does: 'a comparing repetition has its own word',
    bytes: 'f3 a6',
    att: 'repz cmpsb %es:(%edi),%ds:(%esi)',
    intel: 'repz cmps BYTE PTR ds:[esi],BYTE PTR es:[edi]',
  },
  { does: 'a port in DX is in parentheses', bytes: 'ec', att: 'in (%dx),%al', intel: 'in al,dx' },
  {
    does: 'an indirect call has a star',
    bytes: 'ff 10',
    att: 'call *(%eax)',
    intel: 'call DWORD PTR [eax]',
  },
  {
    does: 'a far call has another name in AT&T syntax',
    bytes: '9a 78 56 34 12 10 00',
    att: 'lcall $0x10,$0x12345678',
    intel: 'call 0x10:0x12345678',
  },
  {
    does: 'a short operand of the stack is marked',
    bytes: '66 6a ff',
    att: 'pushw $0xffff',
    intel: 'pushw 0xffff',
  },
  {
    does: 'enter keeps the order of its operands',
    bytes: 'c8 08 00 01',
    att: 'enter $0x8,$0x1',
    intel: 'enter 0x8,0x1',
  },
  {
    does: 'AT&T syntax swaps fsub and fsubr',
    bytes: 'dc e9',
    att: 'fsubr %st,%st(1)',
    intel: 'fsub st(1),st',
  },
  {
    does: 'memory of the x87 has suffixes of its own',
    bytes: 'df 28',
    att: 'fildll (%eax)',
    intel: 'fild QWORD PTR [eax]',
  },
  {
    does: 'a segment prefix of a conditional jump predicts it',
    bytes: '3e 74 00',
    att: 'je,pt 0x1003',
    intel: 'ds je 0x1003',
  },
  {
    does: 'a prefix that changes nothing is a word',
    bytes: '66 cd 80',
    att: 'data16 int $0x80',
    intel: 'data16 int 0x80',
  },
  {
    does: 'the earlier of two prefixes is a word',
    bytes: '66 66 90',
    att: 'data16 xchg %ax,%ax',
    intel: 'data16 xchg ax,ax',
  },
  { does: 'lock needs no permission', bytes: 'f0 90', att: 'lock nop', intel: 'lock nop' },
])('$does', ({ bytes, att, intel }) => {
  test.each([
    ['att', att],
    ['intel', intel],
  ] as const)('%s: %s', (syntax, text) => {
    const length = bytes.split(' ').length;
    expect(disassembled(bytes, syntax)).toMatchObject({ text, length });
  });
});

test('text is the mnemonic and the operands', () => {
  const { mnemonic, operands } = disassembled('f0 01 08', 'att');
  expect({ mnemonic, operands }).toEqual({ mnemonic: 'lock add', operands: ['%ecx', '(%eax)'] });
});

test('a jump is relative to the next instruction and wraps at 32 bits', () => {
  expect(disassembled('e9 00 00 00 f0', 'intel').text).toBe('jmp 0xf0001005');
});

test('a jump with 16-bit operands stays in the first 64 KiB', () => {
  expect(disassembled('66 e9 00 f0', 'intel').text).toBe('jmpw 0x4');
});

test('the target of a jump has its symbol behind it', () => {
  const symbolAt = (address: number) => (address === 0x1010 ? 'start_kernel+0x10' : undefined);
  expect(disassembled('e8 0b 00 00 00', 'att', symbolAt).text).toBe(
    'call 0x1010 <start_kernel+0x10>',
  );
});

describe('bytes that are no instruction', () => {
  test.each([
    {
      says: 'an opcode that there is not is skipped without its operands',
      bytes: '0f 04 00',
      length: 2,
      text: '(bad)',
    },
    {
      says: 'an opcode of three bytes is skipped as one',
      bytes: '0f 38 80 00',
      length: 3,
      text: '(bad)',
    },
    {
      says: 'prefixes are skipped with the opcode',
      bytes: '66 0f 04 00',
      length: 3,
      text: 'data16 (bad)',
    },
    {
      says: 'the first byte of a cut instruction stands alone',
      bytes: 'e8 00',
      length: 1,
      text: '.byte 0xe8',
    },
    {
      says: 'the first prefix of a cut instruction stands alone',
      bytes: '66 e8 00',
      length: 1,
      text: 'data16',
    },
  ])('$says', ({ bytes, length, text }) => {
    expect(disassembled(bytes, 'att')).toMatchObject({ length, text });
  });

  test('15 bytes of a longer instruction are skipped', () => {
    const bytes = `${'2e '.repeat(10)}81 00 01 00 00 00`;
    expect(disassembled(bytes, 'intel')).toMatchObject({
      length: 15,
      text: `${'cs '.repeat(9)}(bad)`,
    });
  });

  test('14 prefixes are an instruction of their own', () => {
    const bytes = `${'66 '.repeat(14)}90`;
    expect(disassembled(bytes, 'intel')).toMatchObject({
      length: 14,
      text: 'data16 '.repeat(14).trim(),
      operands: [],
    });
  });
});
