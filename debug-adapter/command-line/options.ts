/**
 * The command line: `run KERNEL|CONFIG.cfg [OPTIONS]`, `info KERNEL` and `dap [--port N]`.
 *
 * Options may stand before or after the file and may be written `--name value` or `--name=value`.
 * What they say counts more than what a configuration file says.
 */

import {
  DISK_ACCESSES,
  type DiskConfiguration,
  defaults,
  type MachineConfiguration,
  MEMORY_LIMITS,
  MODELS,
  MOST_VCPUS,
  type Model,
  nameFrom,
  PROFILES,
  type Profile,
} from '../configuration/configuration.ts';
import { diskOf, refuseTwoOfOneDevice } from '../configuration/disk-specification.ts';
import { readXlFile, type XlFile } from '../configuration/xl-file.ts';
import { UserError } from '../user-error.ts';

/** What the options of `run` say; what is not said is `undefined`. */
export interface RunOptions {
  readonly memory: number | undefined;
  readonly vcpus: number | undefined;
  readonly ramdisk: string | undefined;
  readonly commandLine: string | undefined;

  /** In addition to those of a configuration file. */
  readonly disks: readonly DiskConfiguration[];
  readonly profile: Profile | undefined;
  readonly model: Model | undefined;

  /** The file to write what happens to. */
  readonly trace: string | undefined;

  /** After how many to stop. */
  readonly instructions: number | undefined;
}

export type Command =
  | { readonly kind: 'help' }
  | { readonly kind: 'info'; readonly kernel: string }
  /** Without a port, on standard input and output; 0: any port that is free. */
  | { readonly kind: 'dap'; readonly port: number | undefined }
  | {
      readonly kind: 'run';
      readonly file: string;

      /** Whether `file` is a configuration and not a kernel. */
      readonly isConfiguration: boolean;
      readonly options: RunOptions;
    };

export const USAGE = `Usage:
  run KERNEL|CONFIG.cfg [OPTIONS]   starts a domain
  info KERNEL                       says what a kernel file says of itself
  dap [--port N]                    the debug adapter, on standard input and output or a port of 127.0.0.1

Options of run:
  --memory MIB                      memory of the domain (${defaults.memory})
  --vcpus N                         virtual processors (${defaults.vcpus})
  --ramdisk FILE                    the kernel's ramdisk
  --cmdline TEXT                    the kernel's command line
  --disk FILE,DEVICE[,ACCESS]       a raw image as a disk; ACCESS is ${DISK_ACCESSES.join(', ')} (overlay)
  --profile ${PROFILES.join('|')}         the Xen that the kernel finds (by the kernel)
  --model ${MODELS.join('|')}    how its page tables name memory (by the kernel)
  --trace FILE                      writes each hypercall as a line of JSON (- for standard error)
  --instructions N                  stops after so many
`;

const optionNames = [
  'memory',
  'vcpus',
  'ramdisk',
  'cmdline',
  'disk',
  'profile',
  'model',
  'trace',
  'instructions',
] as const;

type OptionName = (typeof optionNames)[number];

/** Reads the words after the program's name. Throws a `UserError`. */
export function parseCommandLine(words: readonly string[]): Command {
  const [command, ...rest] = words;
  if (command === undefined || command === 'help' || words.some(isHelp)) {
    return { kind: 'help' };
  }
  switch (command) {
    case 'info': {
      return { kind: 'info', kernel: splitWords(command, rest, []).file };
    }
    case 'run': {
      const { file, given } = splitWords(command, rest, optionNames);
      const isConfiguration = file.endsWith('.cfg');
      return { kind: 'run', file, isConfiguration, options: optionsOf(given) };
    }
    case 'dap':
      return { kind: 'dap', port: portOf(rest) };
    default:
      throw new UserError(`"${command}" is no command: there are "run", "info" and "dap".`);
  }
}

function portOf(words: readonly string[]): number | undefined {
  if (words.length === 0) {
    return undefined;
  }
  const [, digits] = /^--port[= ](\d{1,5})$/.exec(words.join(' ')) ?? [];
  const port = Number(digits);
  if (digits === undefined || port > HIGHEST_PORT) {
    throw new UserError(`dap takes "--port N" and nothing else; N is at most ${HIGHEST_PORT}.`);
  }
  return port;
}
const HIGHEST_PORT = 65_535;

/**
 * The machine that `run` is to start: of the configuration file's text, or of the kernel alone, and
 * in either case with what the options say. Throws a `UserError`.
 */
export function machineFor(
  command: Extract<Command, { kind: 'run' }>,
  configurationText: string | undefined,
): XlFile {
  const { file, options } = command;
  const { configuration, warnings } =
    configurationText === undefined
      ? { configuration: machineOf(file), warnings: [] }
      : readXlFile(configurationText, file);
  const memory = options.memory ?? configuration.memory;
  const vcpus = options.vcpus ?? configuration.vcpus;
  const disks = [...configuration.disks, ...options.disks];
  refuseTwoOfOneDevice(disks);
  return {
    configuration: {
      ...configuration,
      ramdisk: options.ramdisk ?? configuration.ramdisk,
      commandLine: options.commandLine ?? configuration.commandLine,
      memory,
      maxMemory: Math.max(memory, options.memory === undefined ? configuration.maxMemory : 0),
      vcpus,
      maxVcpus: Math.max(vcpus, options.vcpus === undefined ? configuration.maxVcpus : 0),
      disks,
      profile: options.profile ?? configuration.profile,
      model: options.model ?? configuration.model,
    },
    warnings,
  };
}

/** A machine that nothing is said about but its kernel. */
function machineOf(kernel: string): MachineConfiguration {
  const name = nameFrom(kernel);
  const { memory, vcpus, onEnd } = defaults;
  return {
    ...{ name, uuid: undefined, kernel, ramdisk: undefined, commandLine: '' },
    ...{ memory, maxMemory: memory, vcpus, maxVcpus: vcpus, disks: [], networks: [], onEnd },
    ...{ profile: 'auto', model: 'auto' },
  };
}

function isHelp(word: string): boolean {
  return word === '--help' || word === '-h';
}

interface GivenOption<Name extends string> {
  readonly name: Name;
  readonly value: string;
}

/** The one file and the options, each with a value, in order. */
function splitWords<Name extends string>(
  command: string,
  words: readonly string[],
  names: readonly Name[],
): { readonly file: string; readonly given: readonly GivenOption<Name>[] } {
  const files: string[] = [];
  const given: GivenOption<Name>[] = [];
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? '';
    const [, written, after] = /^--([^=]*)(?:=(.*))?$/s.exec(word) ?? [];
    if (written === undefined) {
      files.push(word);
      continue;
    }
    const name = names.find((known) => known === written);
    if (name === undefined) {
      throw new UserError(`"${command}" has no option --${written}.`);
    }
    const value = after ?? words[++index];
    if (value === undefined) {
      throw new UserError(`The option --${name} needs a value after it.`);
    }
    given.push({ name, value });
  }
  const [file, another] = files;
  if (file === undefined || file === '') {
    throw new UserError(`"${command}" needs a file: write "${command} KERNEL".`);
  }
  if (another !== undefined) {
    throw new UserError(`"${command}" takes one file, but "${another}" is a second one.`);
  }
  return { file, given };
}

function optionsOf(given: readonly GivenOption<OptionName>[]): RunOptions {
  const valuesOf = (wanted: OptionName) =>
    given.filter(({ name }) => name === wanted).map(({ value }) => value);
  const text = (name: OptionName) => {
    const [value, another] = valuesOf(name);
    if (another !== undefined) {
      throw new UserError(`The option --${name} is given twice.`);
    }
    return value;
  };
  const number = (name: OptionName, least: number, most: number) =>
    numberOf(name, text(name), least, most);
  return {
    memory: number('memory', MEMORY_LIMITS.least, MEMORY_LIMITS.most),
    vcpus: number('vcpus', 1, MOST_VCPUS),
    ramdisk: text('ramdisk'),
    commandLine: text('cmdline'),
    disks: valuesOf('disk').map((value) => diskOf(value, 'overlay')),
    profile: choiceOf('profile', text('profile'), PROFILES),
    model: choiceOf('model', text('model'), MODELS),
    trace: text('trace'),
    instructions: number('instructions', 1, Number.MAX_SAFE_INTEGER),
  };
}

function numberOf(
  name: OptionName,
  text: string | undefined,
  least: number,
  most: number,
): number | undefined {
  if (text === undefined) {
    return undefined;
  }
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= least && number <= most)) {
    throw new UserError(
      `The option --${name} is "${text}"; it has to be a number from ${least} to ${most}.`,
    );
  }
  return number;
}

function choiceOf<Choice extends string>(
  name: OptionName,
  text: string | undefined,
  choices: readonly Choice[],
): Choice | undefined {
  const choice = choices.find((known) => known === text);
  if (text !== undefined && choice === undefined) {
    throw new UserError(
      `The option --${name} is "${text}"; it may be "${choices.join('" or "')}".`,
    );
  }
  return choice;
}
