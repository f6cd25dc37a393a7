/**
 * All that `emulator/abi/` declares, found in its modules, so that a new struct or number is
 * compared without being added to a list. And what each is named in C.
 */

import * as arch from '../../../emulator/abi/arch-x86-32.ts';
import * as callback from '../../../emulator/abi/callback.ts';
import * as elfnote from '../../../emulator/abi/elfnote.ts';
import * as errno from '../../../emulator/abi/errno.ts';
import * as eventChannel from '../../../emulator/abi/event-channel.ts';
import * as features from '../../../emulator/abi/features.ts';
import * as grantTable from '../../../emulator/abi/grant-table.ts';
import * as blkif from '../../../emulator/abi/io/blkif.ts';
import * as console from '../../../emulator/abi/io/console.ts';
import * as netif from '../../../emulator/abi/io/netif.ts';
import * as ring from '../../../emulator/abi/io/ring.ts';
import * as xenbus from '../../../emulator/abi/io/xenbus.ts';
import * as xsWire from '../../../emulator/abi/io/xs-wire.ts';
import type { FieldType, Layout } from '../../../emulator/abi/layout.ts';
import * as memory from '../../../emulator/abi/memory.ts';
import * as nmi from '../../../emulator/abi/nmi.ts';
import * as physdev from '../../../emulator/abi/physdev.ts';
import * as sched from '../../../emulator/abi/sched.ts';
import * as stackFrames from '../../../emulator/abi/stack-frames.ts';
import * as vcpu from '../../../emulator/abi/vcpu.ts';
import * as version from '../../../emulator/abi/version.ts';
import * as xen from '../../../emulator/abi/xen.ts';

const declarations: Readonly<Record<string, unknown>> = {
  ...arch,
  ...callback,
  ...elfnote,
  ...errno,
  ...eventChannel,
  ...features,
  ...grantTable,
  ...blkif,
  ...console,
  ...netif,
  ...ring,
  ...xenbus,
  ...xsWire,
  ...memory,
  ...nmi,
  ...physdev,
  ...sched,
  ...stackFrames,
  ...vcpu,
  ...version,
  ...xen,
};

/** How the names of a group begin in C, where it is not with the group's name and a `_`. */
const prefixes: Readonly<Record<string, string>> = {
  HYPERVISOR: '__HYPERVISOR_',
  HYPERVISOR_VIRT_START: '__HYPERVISOR_VIRT_START_',
  MACH2PHYS_VIRT_START: '__MACH2PHYS_VIRT_START_',
  MACH2PHYS_VIRT_END: '__MACH2PHYS_VIRT_END_',
  ERRNO: 'XEN_',
  GTF_TYPE: 'GTF_',
  GTF_TRANSFER: 'GTF_transfer_',
  XENSTORE_CONNECTION: 'XENSTORE_',
  XenbusState: 'XenbusState',
};

export type AnyLayout = Layout<Readonly<Record<string, FieldType<unknown>>>>;

/** By the name that the module exports, which is not always the struct's. */
export const layouts: ReadonlyMap<string, AnyLayout> = new Map(
  Object.entries(declarations).flatMap(([name, value]) => (isLayout(value) ? [[name, value]] : [])),
);

/** Each number by its name in C. */
export const constants: ReadonlyMap<string, number | bigint> = new Map(
  Object.entries(declarations).flatMap(([name, value]): [string, number | bigint][] => {
    if (typeof value === 'number' || typeof value === 'bigint') {
      return [[name, value]];
    }
    return isGroup(value)
      ? Object.entries(value).map(([key, number]) => [nameInC(name, key), number])
      : [];
  }),
);

/** A field as C sees it: where it is, and its size, in bytes. */
export type Place = readonly [offset: number, size: number];

/**
 * All fields with those of nested structs and unions, as `outer.inner`.
 *
 * @param into which nested ones to enter: all, or those that C declares inside the outer one
 */
export function placesOf(
  type: FieldType<unknown>,
  into: 'all' | 'inline',
  prefix = '',
  base = 0,
): Map<string, Place> {
  const { shape } = type;
  if (shape.kind !== 'struct' && shape.kind !== 'union') {
    return new Map();
  }
  return new Map(
    shape.fields.flatMap((field) => {
      const name = `${prefix}${field.name}`;
      const offset = base + field.offset;
      const nested =
        into === 'all' || isInline(field.type)
          ? placesOf(field.type, into, `${name}.`, offset)
          : new Map<string, Place>();
      return [[name, [offset, field.size]], ...nested];
    }),
  );
}

/** We name an inline struct for its place in the outer one. */
function isInline(type: FieldType<unknown>): boolean {
  return isLayout(type) && type.name.includes('.');
}

function nameInC(group: string, key: string): string {
  const suffix = group.includes('_VIRT_') ? key.toUpperCase() : key;
  return `${prefixes[group] ?? `${group}_`}${suffix}`;
}

function isLayout(value: unknown): value is AnyLayout {
  return typeof value === 'object' && value !== null && 'offsets' in value;
}

function isGroup(value: unknown): value is Readonly<Record<string, number>> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((number) => typeof number === 'number')
  );
}
