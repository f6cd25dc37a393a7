import { describe, expect, test } from 'vitest';
import { evaluate } from '../../../debug-adapter/expressions/evaluate.ts';
import { parseExpression } from '../../../debug-adapter/expressions/parser.ts';
import { Guest, shown, valueOfText } from './a-guest.ts';

describe('numbers:', () => {
  test.each([
    ['1 + 2 * 3', '7'],
    ['(1 + 2) * 3', '9'],
    ['10 - 3 - 2', '5'],
    ['0x1f', '31'],
    ['0b101', '5'],
    ['017', '15'],
    ["'a'", "97 'a'"],
    ["'\\n'", "10 '\\n'"],
    ["'\\377'", "-1 '\\377'"],
    ['2147483648', '2147483648'],
    ['0xffffffff', '4294967295'],
    ['-1 > 1u', '1'],
    ['-7 / 2', '-3'],
    ['-7 % 3', '-1'],
    ['1u << 31', '2147483648'],
    ['-1 >> 1', '-1'],
    ['1 << 40', '0'],
    ['1ll << 40', '1099511627776'],
    ['~0u', '4294967295'],
    ['!5', '0'],
    ['0xffffffffu + 1', '0'],
    ['2147483647 + 1', '-2147483648'],
    ['0xffffffffffffffffull + 1', '0'],
    ['(char)300', "44 ','"],
    ['(unsigned char)-1', '255'],
    ['(unsigned long long)-1', '18446744073709551615'],
    ['(int)3.99', '3'],
    ['1.5f + 1', '2.5'],
    ['0.1f + 0.2f', '0.3'],
    ['1 / 3.0', '0.3333333333333333'],
    ['5 && 0', '0'],
    ['0 || 3', '1'],
    ['1 ? 2 : 3', '2'],
    ['0 ? 1 : 0 ? 2 : 3', '3'],
    ['(1, 2)', '2'],
    ['(_Bool)5', 'true'],
    ['-1u', '4294967295'],
    ['1 | 2 ^ 3 & 1', '3'],
    ['1 + 1 == 2 && 3 < 4', '1'],
    ['true + false', '1'],
  ])('%s is %s', (text, expected) => {
    expect(shown(text)).toBe(expected);
  });
});

describe('objects:', () => {
  test.each([
    ['p->pid', '3'],
    ['(*p).pid', '3'],
    ['p.pid', '3'],
    ['p->next->comm', '"xenwatch"'],
    ['p[1].pid', '7'],
    ['(p + 1)->pid', '7'],
    ['p->next - p', '1'],
    ['p < p->next', '1'],
    ['p == &task', '1'],
    ['p && p->pid == 3', '1'],
    ['task.nice', '-3'],
    ['task.lazy', '1'],
    ['task.word', '305419896'],
    ['words[2]', '4'],
    ['2[words]', '4'],
    ['*words', '0'],
    ['*(words + 3)', '9'],
    ['words[2..4]', '{4, 9, 16}'],
    ['words,[3]', '{0, 1, 4}'],
    ['words[1]@3', '{1, 4, 9}'],
    ['(u32 *)words@3', '{0, 1, 4}'],
    ['*argv@2', '{0xc0100300 "hello \\"you\\"\\n", 0xc0100306 "\\"you\\"\\n"}'],
    ['matrix[1][2]', '6'],
    ['wide', '-5000000000'],
    ['ratio', '0.1'],
    ['single', '0.1'],
    ['extended', '1.5'],
    ['extended + 1', '2.5'],
    ['flag', 'true'],
    ['mode', 'READABLE | WRITABLE'],
    ['mode == 3', '1'],
    ['DEAD', 'DEAD'],
    ['DEAD + 1', '17'],
    ['(enum state)16', 'DEAD'],
    ['$eax', '17'],
    ['$eax == 17', '1'],
    ['*(int *)($esp - 0x2000 + 0x184)', '5'],
    ['sizeof(struct task)', '64'],
    ['sizeof words / sizeof *words', '8'],
    ['sizeof(u32[4])', '16'],
    ['sizeof p', '4'],
    ['offsetof(struct task, list.prev)', '32'],
    ['offsetof(struct task, comm[3])', '7'],
    ['container_of(&p->list, struct task, list)->pid', '3'],
    ['list_entry(&other.list, struct task, list)->pid', '7'],
    ['(unsigned long)p', '3222274304'],
    ['(unsigned long)p & 0xfff', '256'],
    ['p & 0xfff', '256'],
    ['(const char *)text + 6', '0xc0100306 "\\"you\\"\\n"'],
    ['(int (*)(int))handler', '0xc0100020 <handler>'],
    ['p->handle == handler', '1'],
    ['p->comm == "init"', '1'],
    ['p->comm == "ini"', '0'],
    ['p->comm != "xen"', '1'],
    ['"abc"[1]', "98 'b'"],
    ['*&count', '5'],
    ['NULL == 0', '1'],
  ])('%s is %s', (text, expected) => {
    expect(shown(text)).toBe(expected);
  });
});

describe('functions of the host:', () => {
  test.each([
    ['twice(4) + 1', '9'],
    ['twice(count)', '10'],
    ['twice(twice(2))', '8'],
    ['evtchn(3)', 'port 3: interdomain'],
    ['evtchn(3).pending && 1', '1'],
    ['evtchn(3)["port"]', '3'],
    ['xenstore("device/vbd")[51712]', '4'],
    ['1 ? twice(1) : 5', '2'],
    ['sizeof twice(1)', '4'],
  ])('%s is %s', (text, expected) => {
    expect(shown(text)).toBe(expected);
  });

  test('a text of the guest is given as a text', () => {
    const guest = new Guest();
    shown('xenstore(p->comm, 2)', guest);
    expect(guest.calls).toEqual([['xenstore', 'init', 2]]);
  });

  test('is not called on the side of && that does not count', () => {
    const guest = new Guest();
    shown('0 && evtchn(3).pending', guest);
    expect(guest.calls).toEqual([]);
  });
});

describe('what is changed:', () => {
  test.each([
    ['count = 6', 'count', '6'],
    ['count += 2', 'count', '7'],
    ['count <<= 2', 'count', '20'],
    ['count++', 'count', '6'],
    ['--count', 'count', '4'],
    ['p++', 'p->pid', '7'],
    ['letter = 321', 'letter', "65 'A'"],
    ['task.nice = 5', 'task.nice', '5'],
    ['task.nice = 5', 'task.lazy', '1'],
    ['task.lazy = 2', 'task.lazy', '0'],
    ['wide = -1', 'wide', '-1'],
    ['ratio = 2.5', 'ratio', '2.5'],
    ['extended = -0.625', 'extended', '-0.625'],
    ['flag = 7', 'flag', 'true'],
    ['task = other', 'task.comm', '"xenwatch"'],
    ['task.comm = "idle"', 'task.comm', '"idle"'],
    ['words[1] = words[2] = 9', 'words[1] + words[2]', '18'],
    ['$eax = 3', '$eax', '3'],
    ['$eax++', '$eax', '18'],
    ['p->next->pid = count', 'other.pid', '5'],
  ])('after %s, %s is %s', (change, text, expected) => {
    const guest = new Guest();
    valueOfText(change, guest);
    expect(shown(text, guest)).toBe(expected);
  });

  test.each([
    ['count++', '5'],
    ['++count', '6'],
    ['letter = 321', "65 'A'"],
    ['task.nice = 33', '1'],
  ])('%s itself is %s', (text, expected) => {
    expect(shown(text)).toBe(expected);
  });

  test.each(['count = 6', 'count++', '--count', 'count += 1', 'task = other'])(
    '%s is refused where nothing may change',
    (text) => {
      const guest = new Guest();
      const expression = parseExpression(text, () => false);
      expect(() => evaluate(expression, guest, { allowsSideEffects: false })).toThrow(
        'This would change the guest, which is not allowed here; "==" compares.',
      );
    },
  );
});

describe('mistakes say what and where:', () => {
  test.each([
    ['nothing', 0, 'No variable "nothing" is known here.'],
    ['evtchn', 0, 'No variable "evtchn" is known here; the function is called as evtchn(…).'],
    ['1 + $foo', 4, 'The processor has no register "$foo".'],
    [
      'p->nothing',
      1,
      '"struct task" has no member "nothing". It has pid, comm, state, next, list, lazy, nice, word, ….',
    ],
    ['count.x', 5, 'A value of type "int" has no members, so no "x".'],
    ['hidden->x', 6, '"struct hidden" is declared but defined nowhere: its members are unknown.'],
    ['5 / 0', 2, 'This divides by zero.'],
    ['5 % (count - 5)', 2, 'This divides by zero.'],
    ['1.5 % 2', 4, '"%" is for whole numbers only.'],
    ['*count', 0, '"int" is not a pointer; say what it points to, as in *(u32 *)(…).'],
    ['*anything', 0, 'What a "void *" points to has no type; cast it first.'],
    ['bad->pid + 1', 9, 'Cannot read 0x10.'],
    ['lost + 1', 0, 'This value was optimized out.'],
    ['&task.nice', 0, 'A bit-field has no address.'],
    ['&$eax', 0, 'This value is not in memory and has no address.'],
    ['5 = 6', 2, 'Nothing can be assigned to this: it is only a result.'],
    ['task = count', 5, 'A value of type "int" cannot be assigned to "struct task".'],
    [
      '(struct task)count',
      0,
      'Nothing can be cast to "struct task"; a pointer can, as in *(struct task *)p.',
    ],
    ['(struct nobody *)0', 1, 'No type "struct nobody" is known here.'],
    ['sizeof(struct hidden)', 0, 'The size of "struct hidden" is not known.'],
    ['p + p', 2, 'Two pointers cannot be added.'],
    [
      'handler(3)',
      0,
      '"handler" is the guest\'s: calling it would run the guest, so it is not called.',
    ],
    ['(*p->handle)(3)', 12, 'A function of the guest cannot be called: that would run the guest.'],
    ['nobody(3)', 0, 'There is no function "nobody".'],
    ['evtchn()', 0, 'evtchn(port) cannot be called with 0 arguments.'],
    ['xenstore(3)', 9, 'A text is needed, as in "device", not "int".'],
    ['xenstore("nowhere")', 0, 'There is no node "nowhere".'],
    [
      'evtchn(3) + 1',
      10,
      'This is a list and not a number; one of its parts may be, as in f(x).part.',
    ],
    ['evtchn(3).mask', 9, 'This list has no part "mask". It has port, pending.'],
    ['words[4..2]', 5, 'The range ends before 4, where it begins.'],
    ['words@0', 5, 'An array has at least one element, not 0.'],
    ['1 +', 3, 'a value is expected, not the end.'],
    ['(1', 2, '")" is expected, not the end.'],
    ['1 2', 2, 'an operator or the end is expected, not "2".'],
    ['089', 0, '"089" begins with 0 and so is octal, which has no digits 8 and 9.'],
    ['12q', 0, '"12q" is not a number as C writes them.'],
    ['0x10000000000000000', 0, '"0x10000000000000000" needs more than 64 bits.'],
    ["'ab'", 0, "'ab' must be one character of one byte."],
    ['"abc', 0, 'What begins with " here has no closing ".'],
    ['1 # 2', 2, '"#" has no meaning in an expression.'],
    ['u32 + 1', 0, '"u32" is a type, and a value is expected.'],
    ['(unsigned float)1', 1, '"unsigned float" is not a type of C.'],
    ['count,q', 6, 'No variable "q" is known here.'],
  ])('%s', (text, position, message) => {
    expect(() => shown(text)).toThrow(
      expect.objectContaining({ name: 'ExpressionError', position, message }),
    );
  });

  test('an expression of too many words is refused', () => {
    expect(() => shown(`${'(1)+'.repeat(200)}1`)).toThrow('500 words');
  });

  test('the deepest expression that may be read is evaluated', () => {
    expect(shown(`${'- '.repeat(498)}1`)).toBe('1');
  });
});
