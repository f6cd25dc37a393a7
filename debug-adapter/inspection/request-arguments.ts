/** Arguments of custom requests, checked: a client may send anything. */

import type { Domain } from '../../emulator/hypervisor/domains/domain.ts';
import type { Vcpu } from '../../emulator/hypervisor/domains/vcpu.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import { UserError } from '../user-error.ts';
import type { RowsWanted } from './data/rows.ts';

/** The largest number of a frame or machine address that could mean something: 52 bits. */
const LARGEST = 2 ** 52;

/** Reads arguments by name. What is wrong with one is a `UserError` that names it. */
export class RequestArguments {
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(values: unknown) {
    const isObject = typeof values === 'object' && values !== null && !Array.isArray(values);
    this.#values = isObject ? (values as Record<string, unknown>) : {};
  }

  number(name: string, largest = LARGEST): number {
    const value = this.optionalNumber(name, largest);
    if (value === undefined) {
      throw new UserError(`The request needs "${name}", a whole number.`);
    }
    return value;
  }

  optionalNumber(name: string, largest = LARGEST): number | undefined {
    const value = this.#get(name);
    if (value === undefined) {
      return undefined;
    }
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > largest) {
      throw new UserError(
        `"${name}" is ${shown(value)}; it must be a whole number from 0 to ${largest}.`,
      );
    }
    return value;
  }

  text(name: string): string {
    const value = this.#get(name);
    if (typeof value !== 'string') {
      throw new UserError(`"${name}" is ${shown(value)}; it must be a string.`);
    }
    return value;
  }

  optionalText(name: string): string | undefined {
    return this.#get(name) === undefined ? undefined : this.text(name);
  }

  flag(name: string): boolean {
    const value = this.#get(name);
    if (value !== undefined && typeof value !== 'boolean') {
      throw new UserError(`"${name}" is ${shown(value)}; it must be true or false.`);
    }
    return value ?? false;
  }

  optionalFlag(name: string): boolean | undefined {
    return this.#get(name) === undefined ? undefined : this.flag(name);
  }

  oneOf<const Choice extends string | number>(name: string, choices: readonly Choice[]): Choice {
    const value = this.#get(name);
    const found = choices.find((choice) => choice === value);
    if (found === undefined) {
      throw new UserError(`"${name}" is ${shown(value)}; it must be one of ${choices.join(', ')}.`);
    }
    return found;
  }

  /** The arguments in one that is an object itself. */
  inside(name: string): RequestArguments {
    return new RequestArguments(this.#get(name));
  }

  rows(): RowsWanted {
    const first = this.optionalNumber('first');
    const count = this.optionalNumber('count');
    return { ...(first !== undefined && { first }), ...(count !== undefined && { count }) };
  }

  domain({ xen }: Machine): Domain {
    const id = this.number('domain');
    const domain = xen.domains.get(id);
    if (domain === undefined) {
      const all = [...xen.domains.keys()].join(', ');
      throw new UserError(`There is no domain ${id} in the machine; there are ${all}.`);
    }
    return domain;
  }

  /** The first one when none is named. */
  vcpu(machine: Machine): Vcpu {
    const domain = this.domain(machine);
    const id = this.optionalNumber('vcpu') ?? 0;
    const vcpu = domain.vcpus[id];
    if (vcpu === undefined) {
      throw new UserError(
        `Domain ${domain.id} has no vCPU ${id}; it has ${domain.vcpus.length} of them.`,
      );
    }
    return vcpu;
  }

  #get(name: string): unknown {
    return Object.hasOwn(this.#values, name) ? (this.#values[name] ?? undefined) : undefined;
  }
}

/** A value in a sentence, however long it is. */
function shown(value: unknown): string {
  const text = value === undefined ? 'missing' : (JSON.stringify(value) ?? typeof value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
