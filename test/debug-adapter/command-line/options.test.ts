import { describe, expect, test } from 'vitest';
import {
  type Command,
  machineFor,
  parseCommandLine,
  USAGE,
} from '../../../debug-adapter/command-line/options.ts';
import { UserError } from '../../../debug-adapter/user-error.ts';

const nothing = {
  ...{ memory: undefined, vcpus: undefined, ramdisk: undefined, commandLine: undefined },
  ...{ disks: [], profile: undefined, model: undefined },
  ...{ trace: undefined, instructions: undefined },
};

function parse(text: string): Command {
  return parseCommandLine(text.split(' ').filter((word) => word !== ''));
}

function run(text: string): Extract<Command, { kind: 'run' }> {
  const command = parse(`run ${text}`);
  if (command.kind !== 'run') {
    throw new Error(`a command of kind ${command.kind}`);
  }
  return command;
}

describe('a command', () => {
  test('without a word, or that asks for it, is a question for help', () => {
    expect(['', 'help', '--help', 'run -h', 'info --help'].map((text) => parse(text).kind)).toEqual(
      Array.from({ length: 5 }, () => 'help'),
    );
  });

  test('info names a kernel', () => {
    expect(parse('info vmlinux')).toEqual({ kind: 'info', kernel: 'vmlinux' });
  });

  test('run names a kernel', () => {
    const answer = { kind: 'run', file: 'vmlinux', isConfiguration: false, options: nothing };
    expect(parse('run vmlinux')).toEqual(answer);
  });

  test('run names a configuration, which ends with .cfg', () => {
    expect(run('guest.cfg').isConfiguration).toBe(true);
  });

  test('run takes options before and after the file', () => {
    const { file, options } = run(
      '--memory 64 vmlinux --vcpus=2 --ramdisk initrd --profile xen-3.0 --model translated ' +
        '--trace out.txt --instructions 1000000 --disk a.img,xvda --disk=b.img,xvdb,w',
    );
    expect(file).toBe('vmlinux');
    expect(options).toEqual({
      memory: 64,
      vcpus: 2,
      ramdisk: 'initrd',
      commandLine: undefined,
      disks: [
        {
          file: 'a.img',
          device: { name: 'xvda', number: 51_712 },
          access: 'overlay',
          isCdrom: false,
        },
        { file: 'b.img', device: { name: 'xvdb', number: 51_728 }, access: 'w', isCdrom: false },
      ],
      profile: 'xen-3.0',
      model: 'translated',
      trace: 'out.txt',
      instructions: 1_000_000,
    });
  });

  test('takes a value as it is, even one that looks like an option', () => {
    const command = parseCommandLine(['run', 'k', '--cmdline', '--init=/bin/sh a=b']);
    expect(command).toMatchObject({ options: { commandLine: '--init=/bin/sh a=b' } });
    expect(parseCommandLine(['run', 'k', '--cmdline=a=b'])).toMatchObject({
      options: { commandLine: 'a=b' },
    });
    expect(parseCommandLine(['run', 'k', '--cmdline='])).toMatchObject({
      options: { commandLine: '' },
    });
  });
});

describe('dap', () => {
  test.each([
    ['dap', undefined],
    ['dap --port 4711', 4711],
    ['dap --port=0', 0],
  ])('%s', (text, port) => {
    expect(parse(text)).toEqual({ kind: 'dap', port });
  });
});

describe('one sentence says what is wrong with', () => {
  test.each([
    ['dap --port 70000', '"--port N" and nothing else; N is at most 65535.'],
    ['dap kernel', '"--port N" and nothing else'],
    ['start vmlinux', '"start" is no command: there are "run", "info" and "dap".'],
    ['run', '"run" needs a file: write "run KERNEL".'],
    ['info', '"info" needs a file: write "info KERNEL".'],
    ['run a b', '"run" takes one file, but "b" is a second one.'],
    ['run a --colour red', '"run" has no option --colour.'],
    ['info a --memory 64', '"info" has no option --memory.'],
    ['run a --memory', 'The option --memory needs a value after it.'],
    ['run a --memory 64 --memory 65', 'The option --memory is given twice.'],
    ['run a --memory 1', 'The option --memory is "1"; it has to be a number from 4 to 1000.'],
    ['run a --memory 64M', 'The option --memory is "64M"; it has to be a number from 4 to 1000.'],
    ['run a --vcpus 0', 'The option --vcpus is "0"; it has to be a number from 1 to 32.'],
    ['run a --instructions 0', /^The option --instructions is "0"; it has to be a number from 1/],
    [
      'run a --profile xen-5',
      'The option --profile is "xen-5"; it may be "xen-3.0" or "xen-4.17".',
    ],
    [
      'run a --model shadow',
      'The option --model is "shadow"; it may be "auto" or "translated" or "direct".',
    ],
    ['run a --disk b.img', /^The disk "b.img" names no device/],
  ])('%s', (text, sentence) => {
    expect(() => parse(text)).toThrow(UserError);
    expect(() => parse(text)).toThrow(sentence);
  });
});

test('the usage names every option that there is', () => {
  const ofRun = USAGE.slice(USAGE.indexOf('Options of run'));
  const named = [...ofRun.matchAll(/--([a-z]+)/g)].map(([, name]) => name);
  const value: Readonly<Record<string, string>> = {
    ...{ memory: '64', vcpus: '1', disk: 'a,xvda', profile: 'xen-3.0', model: 'auto' },
    instructions: '5',
  };
  expect(named).toHaveLength(Object.keys(nothing).length);
  for (const name of named) {
    expect(() => run(`k --${name} ${value[name ?? ''] ?? 'x'}`)).not.toThrow();
  }
});

describe('the machine', () => {
  test('of a kernel alone has the defaults', () => {
    expect(machineFor(run('/boot/vmlinux'), undefined)).toEqual({
      configuration: {
        name: 'vmlinux',
        uuid: undefined,
        kernel: '/boot/vmlinux',
        ramdisk: undefined,
        commandLine: '',
        memory: 128,
        maxMemory: 128,
        vcpus: 1,
        maxVcpus: 1,
        disks: [],
        networks: [],
        onEnd: {
          poweroff: 'destroy',
          reboot: 'restart',
          watchdog: 'destroy',
          crash: 'destroy',
          softReset: 'soft-reset',
        },
        profile: 'auto',
        model: 'auto',
      },
      warnings: [],
    });
  });

  const text = 'kernel = "k"; memory = 64; maxmem = 128; extra = "a"; disk = "a,xvda"; vnc = 1';

  test('of a configuration is what that says', () => {
    const { configuration, warnings } = machineFor(run('guest.cfg'), text);
    expect(configuration).toMatchObject({ name: 'guest', kernel: 'k', memory: 64, maxMemory: 128 });
    expect(warnings).toHaveLength(1);
  });

  test('is what the options say rather than the configuration', () => {
    const command = run('guest.cfg --memory 96 --cmdline b --disk b,xvdb --model direct');
    const { configuration } = machineFor(command, text);
    expect(configuration).toMatchObject({ memory: 96, commandLine: 'b', model: 'direct' });
    expect(configuration.disks.map(({ file }) => file)).toEqual(['a', 'b']);
  });

  test('never has less memory at the most than at the start', () => {
    const { configuration } = machineFor(run('guest.cfg --memory 512'), text);
    expect(configuration.maxMemory).toBe(512);
  });

  test('cannot have two disks that are one device', () => {
    expect(() => machineFor(run('guest.cfg --disk b,xvda'), text)).toThrow(
      'Two disks are to be the device xvda.',
    );
  });
});
