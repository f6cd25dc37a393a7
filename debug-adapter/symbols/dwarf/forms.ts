/**
 * The values of attributes: how long each is, and what it says.
 *
 * Source: DWARF 5, 7.5.5 and 7.5.6.
 */

import { FORM } from './numbers.ts';
import type { SectionReader } from './section-reader.ts';

/** What the size of a value depends on. */
export interface FormSizes {
  readonly version: number;
  readonly addressSize: number;
  readonly offsetSize: 4 | 8;
}

/** What is found elsewhere by what a unit says of itself. */
export interface FormContext extends FormSizes {
  /** Where offsets of `DW_FORM_ref4` and the like count from. */
  readonly start: number;

  /** Added to make the offset of an entry unique among the sections with entries. */
  readonly sectionBase: number;

  /** By index into `.debug_addr`. */
  indexedAddress(index: number): number;

  /** By index into `.debug_str_offsets`. */
  indexedString(index: number): string;
  string(table: '.debug_str' | '.debug_line_str', offset: number): string;
}

export type FormValue =
  | { readonly kind: 'address'; readonly value: number }
  /** A `bigint` where a `number` is not exact. `size` is that of data1 to data16, else `undefined`. */
  | {
      readonly kind: 'constant';
      readonly value: number | bigint;
      readonly size: number | undefined;
    }
  | { readonly kind: 'block'; readonly bytes: Uint8Array }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'flag'; readonly value: boolean }
  | { readonly kind: 'offset'; readonly value: number }
  | { readonly kind: 'list index'; readonly value: number }
  /** The offset of an entry, unique in the file. */
  | { readonly kind: 'reference'; readonly value: number }
  | { readonly kind: 'signature'; readonly value: bigint }
  /** In a file of its own, which is not read. */
  | { readonly kind: 'elsewhere' };

/** The size of a form's values; `undefined` where each says its own. */
export function fixedSizeOf(form: number, sizes: FormSizes): number | undefined {
  switch (form) {
    case FORM.flag_present:
    case FORM.implicit_const:
      return 0;
    case FORM.data1:
    case FORM.flag:
    case FORM.ref1:
    case FORM.strx1:
    case FORM.addrx1:
      return 1;
    case FORM.data2:
    case FORM.ref2:
    case FORM.strx2:
    case FORM.addrx2:
      return 2;
    case FORM.strx3:
    case FORM.addrx3:
      return 3;
    case FORM.data4:
    case FORM.ref4:
    case FORM.strx4:
    case FORM.addrx4:
    case FORM.ref_sup4:
      return 4;
    case FORM.data8:
    case FORM.ref8:
    case FORM.ref_sig8:
    case FORM.ref_sup8:
      return 8;
    case FORM.data16:
      return 16;
    case FORM.addr:
      return sizes.addressSize;
    case FORM.strp:
    case FORM.sec_offset:
    case FORM.strp_sup:
    case FORM.line_strp:
    case FORM.GNU_ref_alt:
    case FORM.GNU_strp_alt:
      return sizes.offsetSize;
    case FORM.ref_addr:
      // In DWARF 2 it was as long as an address.
      return sizes.version <= 2 ? sizes.addressSize : sizes.offsetSize;
    default:
      return undefined;
  }
}

/** Moves a reader past a value. */
export function skipForm(reader: SectionReader, form: number, sizes: FormSizes): void {
  const size = fixedSizeOf(form, sizes);
  if (size !== undefined) {
    reader.skip(size);
    return;
  }
  switch (form) {
    case FORM.string:
      reader.skipText();
      return;
    case FORM.sdata:
    case FORM.udata:
    case FORM.ref_udata:
    case FORM.strx:
    case FORM.addrx:
    case FORM.loclistx:
    case FORM.rnglistx:
    case FORM.GNU_addr_index:
    case FORM.GNU_str_index:
      reader.skipLeb();
      return;
    case FORM.indirect:
      skipForm(reader, indirectForm(reader), sizes);
      return;
    default:
      reader.skip(blockLength(reader, form));
  }
}

function blockLength(reader: SectionReader, form: number): number {
  switch (form) {
    case FORM.block:
    case FORM.exprloc:
      return reader.uleb();
    case FORM.block1:
      return reader.u8();
    case FORM.block2:
      return reader.u16();
    case FORM.block4:
      return reader.u32();
    default:
      throw reader.error(`has a value of form 0x${form.toString(16)}, which is not known`);
  }
}

/** `DW_FORM_indirect` may not lead to itself, nor to a value that only an abbreviation holds. */
function indirectForm(reader: SectionReader): number {
  const form = reader.uleb();
  if (form === FORM.indirect || form === FORM.implicit_const) {
    throw reader.error('has an indirect form that leads nowhere');
  }
  return form;
}

/** Reads a value. `implicit` is what the abbreviation holds for `DW_FORM_implicit_const`. */
export function readForm(
  reader: SectionReader,
  form: number,
  implicit: number,
  context: FormContext,
): FormValue {
  return (
    readConstant(reader, form, implicit) ??
    readReference(reader, form, context) ??
    readText(reader, form, context) ??
    readOther(reader, form, context)
  );
}

function readConstant(
  reader: SectionReader,
  form: number,
  implicit: number,
): FormValue | undefined {
  switch (form) {
    case FORM.data1:
      return { kind: 'constant', value: reader.u8(), size: 1 };
    case FORM.data2:
      return { kind: 'constant', value: reader.u16(), size: 2 };
    case FORM.data4:
      return { kind: 'constant', value: reader.u32(), size: 4 };
    case FORM.data8:
      return { kind: 'constant', value: exact(reader.bigU64()), size: 8 };
    case FORM.udata:
      return { kind: 'constant', value: exact(reader.bigUleb()), size: undefined };
    case FORM.sdata:
      return { kind: 'constant', value: exact(reader.bigSleb()), size: undefined };
    case FORM.implicit_const:
      return { kind: 'constant', value: implicit, size: undefined };
    case FORM.flag:
      return { kind: 'flag', value: reader.u8() !== 0 };
    case FORM.flag_present:
      return { kind: 'flag', value: true };
    default:
      return undefined;
  }
}

const exact = (value: bigint): number | bigint =>
  BigInt.asIntN(53, value) === value || BigInt.asUintN(53, value) === value ? Number(value) : value;

function readReference(
  reader: SectionReader,
  form: number,
  context: FormContext,
): FormValue | undefined {
  const inUnit = (offset: number): FormValue => ({
    kind: 'reference',
    value: context.sectionBase + context.start + offset,
  });
  switch (form) {
    case FORM.ref1:
      return inUnit(reader.u8());
    case FORM.ref2:
      return inUnit(reader.u16());
    case FORM.ref4:
      return inUnit(reader.u32());
    case FORM.ref8:
      return inUnit(reader.u64());
    case FORM.ref_udata:
      return inUnit(reader.uleb());
    case FORM.ref_addr:
      // Always into .debug_info, whose offsets are unique as they are.
      return {
        kind: 'reference',
        value:
          context.version <= 2
            ? reader.unsigned(context.addressSize)
            : reader.offset(context.offsetSize),
      };
    case FORM.ref_sig8:
      return { kind: 'signature', value: reader.bigU64() };
    default:
      return undefined;
  }
}

function readText(
  reader: SectionReader,
  form: number,
  context: FormContext,
): FormValue | undefined {
  switch (form) {
    case FORM.string:
      return { kind: 'string', value: reader.text() };
    case FORM.strp:
      return text(context.string('.debug_str', reader.offset(context.offsetSize)));
    case FORM.line_strp:
      return text(context.string('.debug_line_str', reader.offset(context.offsetSize)));
    case FORM.strx:
    case FORM.GNU_str_index:
      return text(context.indexedString(reader.uleb()));
    case FORM.strx1:
      return text(context.indexedString(reader.u8()));
    case FORM.strx2:
      return text(context.indexedString(reader.u16()));
    case FORM.strx3:
      return text(context.indexedString(reader.u24()));
    case FORM.strx4:
      return text(context.indexedString(reader.u32()));
    default:
      return undefined;
  }
}

const text = (value: string): FormValue => ({ kind: 'string', value });

function readOther(reader: SectionReader, form: number, context: FormContext): FormValue {
  switch (form) {
    case FORM.addr:
      return { kind: 'address', value: reader.unsigned(context.addressSize) };
    case FORM.addrx:
    case FORM.GNU_addr_index:
      return { kind: 'address', value: context.indexedAddress(reader.uleb()) };
    case FORM.addrx1:
      return { kind: 'address', value: context.indexedAddress(reader.u8()) };
    case FORM.addrx2:
      return { kind: 'address', value: context.indexedAddress(reader.u16()) };
    case FORM.addrx3:
      return { kind: 'address', value: context.indexedAddress(reader.u24()) };
    case FORM.addrx4:
      return { kind: 'address', value: context.indexedAddress(reader.u32()) };
    case FORM.sec_offset:
      return { kind: 'offset', value: reader.offset(context.offsetSize) };
    case FORM.loclistx:
    case FORM.rnglistx:
      return { kind: 'list index', value: reader.uleb() };
    case FORM.data16:
      return { kind: 'block', bytes: reader.take(16) };
    case FORM.indirect:
      return readForm(reader, indirectForm(reader), 0, context);
    case FORM.strp_sup:
    case FORM.ref_sup4:
    case FORM.ref_sup8:
    case FORM.GNU_ref_alt:
    case FORM.GNU_strp_alt:
      skipForm(reader, form, context);
      return { kind: 'elsewhere' };
    default:
      return { kind: 'block', bytes: reader.take(blockLength(reader, form)) };
  }
}
