/**
 * A machine as an `xl.cfg` file describes it, as far as it is a paravirtual domain.
 *
 * What a setting cannot mean here is an error; what it need not mean, because it is about the host,
 * is a warning. Files are named as the file names them.
 *
 * Source: `docs/man/xl.cfg.5.pod.in`, `tools/xl/xl_parse.c`.
 */

import { UserError } from '../user-error.ts';
import {
  type DiskConfiguration,
  defaults,
  END_ACTIONS,
  type EndAction,
  type MachineConfiguration,
  MEMORY_LIMITS,
  MOST_VCPUS,
  type NetworkConfiguration,
  nameFrom,
} from './configuration.ts';
import { diskOf, refuseTwoOfOneDevice } from './disk-specification.ts';
import { settingsOf, type XlSetting, type XlText, type XlValue } from './xl-syntax.ts';
import { errorAt } from './xl-tokens.ts';

export interface XlFile {
  readonly configuration: MachineConfiguration;

  /** Sentences about settings that have no effect, with their places. */
  readonly warnings: readonly string[];
}

/** Builders of paravirtual domains in old files, by the kernel's kind. */
const pvBuilders = ['generic', 'linux', 'netbsd', 'pv'];

const understood = [
  ...['name', 'uuid', 'type', 'builder', 'kernel', 'ramdisk', 'cmdline', 'root', 'extra'],
  ...['memory', 'maxmem', 'vcpus', 'maxvcpus', 'disk', 'vif'],
  ...['on_poweroff', 'on_reboot', 'on_watchdog', 'on_crash', 'on_soft_reset'],
];

/** What would give the domain something that this machine has not. */
const refused: ReadonlyMap<string, string> = new Map([
  ['bootloader', 'nothing runs before the kernel: name the kernel itself'],
  ['firmware', 'paravirtual domains have none'],
  ['pci', 'no device of the host is passed through'],
  ['p9', 'there is no such backend'],
  ['vtpm', 'there is no such backend'],
  ['usbdev', 'there is no such backend'],
]);

/** Reads a file's text. Throws a `UserError` that says where in `file`. */
export function readXlFile(text: string, file: string): XlFile {
  return new XlReader(settingsOf(text, file), file).read();
}

class XlReader {
  readonly #settings: ReadonlyMap<string, XlSetting>;
  readonly #file: string;
  readonly #warnings: string[] = [];

  constructor(settings: ReadonlyMap<string, XlSetting>, file: string) {
    this.#settings = settings;
    this.#file = file;
  }

  read(): XlFile {
    this.#checkKind();
    this.#checkNames();
    const kernel = this.#text('kernel');
    if (kernel === undefined) {
      throw new UserError(`${this.#file} names no kernel: it needs a line kernel = "FILE".`);
    }
    const { least, most } = MEMORY_LIMITS;
    const memory = this.#number('memory', least, most) ?? defaults.memory;
    const vcpus = this.#number('vcpus', 1, MOST_VCPUS) ?? defaults.vcpus;
    const configuration: MachineConfiguration = {
      name: this.#text('name') ?? nameFrom(this.#file),
      uuid: this.#uuid(),
      kernel,
      ramdisk: this.#text('ramdisk'),
      commandLine: this.#commandLine(),
      memory,
      maxMemory: this.#number('maxmem', memory, most) ?? memory,
      vcpus,
      maxVcpus: this.#number('maxvcpus', vcpus, MOST_VCPUS) ?? vcpus,
      disks: this.#disks(),
      networks: this.#texts('vif').map((value) => this.#network(value)),
      onEnd: {
        poweroff: this.#action('on_poweroff') ?? defaults.onEnd.poweroff,
        reboot: this.#action('on_reboot') ?? defaults.onEnd.reboot,
        watchdog: this.#action('on_watchdog') ?? defaults.onEnd.watchdog,
        crash: this.#action('on_crash') ?? defaults.onEnd.crash,
        softReset: this.#action('on_soft_reset') ?? defaults.onEnd.softReset,
      },
      profile: 'auto',
      model: 'auto',
    };
    return { configuration, warnings: this.#warnings };
  }

  /** `type` is the newer of the two names and counts. */
  #checkKind(): void {
    const type = this.#textSetting('type');
    if (type !== undefined && type.text !== 'pv') {
      throw errorAt(
        this.#file,
        type,
        `The type is "${type.text}", but only paravirtual domains, type "pv", run here.`,
      );
    }
    const builder = this.#textSetting('builder');
    if (type === undefined && builder !== undefined && !pvBuilders.includes(builder.text)) {
      throw errorAt(
        this.#file,
        builder,
        `The builder is "${builder.text}", but only paravirtual domains, "generic", run here.`,
      );
    }
  }

  #checkNames(): void {
    for (const { name, line, column } of this.#settings.values()) {
      const reason = refused.get(name);
      if (reason !== undefined) {
        throw errorAt(this.#file, { line, column }, `${name} cannot be set: ${reason}.`);
      }
      if (!understood.includes(name)) {
        this.#warnings.push(`${this.#file}:${line}:${column}: ${name} has no effect here.`);
      }
    }
  }

  #textSetting(name: string): XlText | undefined {
    const setting = this.#settings.get(name);
    if (setting === undefined) {
      return undefined;
    }
    if (setting.value.kind === 'list') {
      throw errorAt(this.#file, setting.value, `${name} is one text, not a list.`);
    }
    return setting.value;
  }

  /** `undefined` for an empty text too. */
  #text(name: string): string | undefined {
    const text = this.#textSetting(name)?.text;
    return text === '' ? undefined : text;
  }

  /** Written as a number or as a text with one. */
  #number(name: string, least: number, most: number): number | undefined {
    const value = this.#textSetting(name);
    if (value === undefined) {
      return undefined;
    }
    const isNumber = /^(?:0x[0-9a-f]+|\d+)$/i.test(value.text);
    const number = Number(isNumber ? value.text : Number.NaN);
    if (!(number >= least && number <= most)) {
      throw errorAt(
        this.#file,
        value,
        `${name} is ${value.text}; it has to be a number from ${least} to ${most}.`,
      );
    }
    return number;
  }

  /** One text may stand for a list of one. */
  #texts(name: string): readonly XlText[] {
    const setting = this.#settings.get(name);
    if (setting === undefined) {
      return [];
    }
    const values: readonly XlValue[] =
      setting.value.kind === 'list' ? setting.value.values : [setting.value];
    return values.map((value) => {
      if (value.kind === 'list') {
        throw errorAt(this.#file, value, `${name} is a list of texts, not of lists.`);
      }
      return value;
    });
  }

  /** Runs what may complain without knowing where. */
  #at<Result>(value: XlText, read: () => Result): Result {
    try {
      return read();
    } catch (error) {
      throw error instanceof UserError ? errorAt(this.#file, value, error.message) : error;
    }
  }

  #disks(): readonly DiskConfiguration[] {
    const values = this.#texts('disk');
    const disks = values.map((value) => this.#at(value, () => diskOf(value.text, 'w')));
    refuseTwoOfOneDevice(disks, (index, sentence) =>
      errorAt(this.#file, values[index] ?? { line: 1, column: 1 }, sentence),
    );
    return disks;
  }

  #uuid(): string | undefined {
    const value = this.#textSetting('uuid');
    if (value === undefined) {
      return undefined;
    }
    const digits = value.text.replaceAll('-', '').toLowerCase();
    if (!/^[0-9a-f]{32}$/.test(digits)) {
      throw errorAt(this.#file, value, `uuid is "${value.text}": 32 hexadecimal digits are one.`);
    }
    return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  }

  /** The old settings `root` and `extra` together are what `cmdline` is by itself. */
  #commandLine(): string {
    const whole = this.#text('cmdline');
    const root = this.#text('root');
    const extra = this.#text('extra');
    if (whole === undefined) {
      return [root === undefined ? undefined : `root=${root}`, extra]
        .filter((part) => part !== undefined)
        .join(' ');
    }
    if (root !== undefined || extra !== undefined) {
      this.#warnings.push(`${this.#file}: root and extra have no effect beside cmdline.`);
    }
    return whole;
  }

  #action(name: string): EndAction | undefined {
    const value = this.#textSetting(name);
    if (value === undefined) {
      return undefined;
    }
    const action = END_ACTIONS.find((known) => known === value.text);
    if (action === undefined) {
      const known = END_ACTIONS.join('", "');
      throw errorAt(this.#file, value, `${name} is "${value.text}"; it may be "${known}".`);
    }
    return action;
  }

  /** `mac=…,bridge=…`: `docs/man/xl-network-configuration.5.pod`. */
  #network(value: XlText): NetworkConfiguration {
    const parts = new Map<string, string>();
    for (const word of value.text.split(',').map((part) => part.trim())) {
      const [name = '', ...rest] = word.split('=');
      if (word !== '' && rest.length === 0) {
        throw errorAt(this.#file, value, `"${word}" in this vif is no NAME=VALUE.`);
      }
      if (word !== '' && !['mac', 'bridge', 'ip', 'type'].includes(name)) {
        const { line, column } = value;
        this.#warnings.push(
          `${this.#file}:${line}:${column}: ${name} of a vif has no effect here.`,
        );
      }
      parts.set(name, rest.join('='));
    }
    const mac = parts.get('mac')?.toLowerCase();
    if (mac !== undefined && !/^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/.test(mac)) {
      throw errorAt(this.#file, value, `"${mac}" is no MAC address: 00:16:3e:01:02:03 is one.`);
    }
    const type = parts.get('type');
    if (type !== undefined && type !== 'vif') {
      throw errorAt(this.#file, value, `This vif is of type "${type}", but only "vif" is there.`);
    }
    return { mac, bridge: parts.get('bridge'), ip: parts.get('ip') };
  }
}
