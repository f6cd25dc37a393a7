/**
 * Half-valid structs of the ABI: each field gets a value by its name, or by its size where the name
 * says nothing.
 */

import { GNTCOPY, GNTMAP } from '../../../emulator/abi/grant-table.ts';
import type { FieldType, Layout } from '../../../emulator/abi/layout.ts';
import { integer } from '../silicon/values.ts';
import type { Values } from './values.ts';

type Meaning = (values: Values) => number;

/** By a field's name; the first that fits. */
const MEANINGS: readonly (readonly [name: RegExp, meaning: Meaning])[] = [
  [/^(domid|dom|remote_dom|domain_id|foreign_domid|trans_domid)$/, (v) => v.domid()],
  [/^remote_port$/, (v) => (v.isBad() ? v.port() : v.waitingPort())],
  [/port$/, (v) => v.port()],
  [/^(vcpu|vcpuid)$/, (v) => v.vcpuId()],
  [/^virq$/, (v) => (v.isBad() ? v.anything() : v.dice.below(24))],
  [/^(ref|ref_a|ref_b|gref)$/, (v) => v.reference()],
  [/^(mfn|gmfn|gpfn|src_mfn|frame)$/, (v) => v.spareFrame()],
  [/^handle$/, (v) => (v.isBad() ? v.anything() : v.dice.below(8))],
  [/^(host_addr|new_addr|linear_addr)$/, (v) => v.linear()],
  [/^(extent_start|frame_list|gpfn_list|mfn_list|idxs|gpfns)$/, frameList],
  [/^ports$/, (v) => v.list(4, () => v.port())],
  [/^(buffer|bitmap|errs|addr|h|v|p|vcpumask)$/, (v) => v.words([v.anything(), 0, 0, 0, 0, 0])],
  [/^(nr_\w+|max_extents|size|len|length|count)$/, (v) => v.count()],
  [/^extent_order$/, (v) => v.order()],
  [/^mem_flags$/, (v) => (v.isBad() ? v.dice.pick([12, 20, 22, 24, 31, 255, 1 << 16]) : 0)],
  [/^(offset|page_off)$/, (v) => (v.isBad() ? v.anything() : 4 * v.dice.below(0x300))],
  [/^(eip|address|handler_address)$/, (v) => v.handler()],
  [/(_eip)$/, (v) => v.handler()],
  [/(^|_)(cs|ss|ds|es|fs|gs)$/, (v) => v.selector()],
  [/^(esp|kernel_sp)$/, (v) => v.stack()],
  [/^(timeout|timeout_abs_ns|period_ns)$/, moment],
  [/^reason$/, (v) => (v.dice.oneIn(200) ? v.dice.below(7) : 9)],
  [/^(iopl|priority|level|space)$/, (v) => v.dice.below(v.isBad() ? 16 : 4)],
  [/^(type|op|version|id|flags|idx|submap_idx|irq|pirq)$/, small],
  [/^eflags$/, (v) => (v.isBad() ? v.anything() : v.dice.pick([0x202, 0x2, 0x246, 0x1202]))],
  [/^(gdt_ents|ldt_ents)$/, (v) => (v.isBad() ? v.anything() : 0)],
];

function frameList(values: Values): number {
  return values.list(8, () => values.spareFrame());
}

function small({ dice }: Values): number {
  return dice.oneIn(8) ? integer(dice, 32) : dice.below(10);
}

/** Nanoseconds of system time, or seconds. */
export function moment(values: Values): number {
  const { dice, world } = values;
  if (values.isBad()) {
    return dice.pick([0, 1, 2 ** 50, 2 ** 53, 2 ** 62, 2 ** 63, 2 ** 64 - 2 ** 11, 0xffff_ffff]);
  }
  return world.xen.clock.now + dice.below(3_000_000);
}

function meaningOf(values: Values, name: string, size: number): number {
  if (values.dice.oneIn(4 * values.rarity)) {
    return values.anything();
  }
  const known = MEANINGS.find(([pattern]) => pattern.test(name));
  if (known !== undefined) {
    return known[1](values);
  }
  return values.isBad() ? integer(values.dice, size === 2 ? 16 : 32) : 0;
}

/** Fills memory with a struct, an array or a number. */
function fill(
  values: Values,
  type: FieldType<unknown>,
  memory: DataView,
  offset: number,
  name: string,
): void {
  const { shape } = type;
  const { dice } = values;
  switch (shape.kind) {
    case 'struct':
      for (const field of shape.fields) {
        fill(values, field.type, memory, offset + field.offset, field.name);
      }
      break;
    case 'union': {
      const field = shape.fields[dice.below(shape.fields.length)];
      if (field !== undefined) {
        fill(values, field.type, memory, offset, field.name);
      }
      break;
    }
    case 'array':
      for (let i = 0; i < shape.length; i++) {
        fill(values, shape.element, memory, offset + i * shape.element.size, name);
      }
      break;
    case 'unsigned':
    case 'signed': {
      const value = meaningOf(values, name, type.size);
      type.write(memory, offset, type.size === 8 ? BigInt(Math.trunc(value)) : value >>> 0);
      break;
    }
    case 'bytes':
    case 'text':
      memory.setUint8(offset, dice.below(256));
      break;
  }
}

// biome-ignore lint/suspicious/noExplicitAny: any struct of the ABI
type AnyLayout = Layout<any>;

/** The bytes of a struct, filled. */
export function filled(values: Values, layout: AnyLayout): DataView {
  const memory = new DataView(new ArrayBuffer(layout.size));
  fill(values, layout, memory, 0, layout.name);
  return memory;
}

/** Flags of a mapping of a grant. */
export function grantFlags({ dice }: Values): number {
  return dice.pick([
    ...([GNTMAP.host_map, GNTMAP.host_map, GNTMAP.host_map | GNTMAP.readonly] as const),
    ...([GNTMAP.device_map, GNTMAP.device_map | GNTMAP.readonly] as const),
    GNTMAP.host_map | GNTMAP.device_map,
    GNTMAP.host_map | GNTMAP.device_map | GNTMAP.readonly | GNTMAP.application_map,
    GNTMAP.host_map | GNTMAP.contains_pte,
    dice.below(64),
  ]);
}

export function copyFlags({ dice }: Values): number {
  return dice.pick([
    ...([GNTCOPY.source_gref, GNTCOPY.dest_gref, 3, 0] as const),
    dice.below(0x1_0000),
  ]);
}
