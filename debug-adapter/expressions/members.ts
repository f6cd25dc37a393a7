/** Finding members of structs and unions, those of anonymous ones inside included. */

import { bare, type CompositeType, type CType, type Member, sizeOf } from '../symbols/c-type.ts';
import { ExpressionError } from './expression-error.ts';
import type { MemberStep } from './node.ts';
import type { Bits } from './scalar-bytes.ts';
import { typeText } from './type-text.ts';

/** Hostile debug information may have an anonymous struct inside itself. */
const MOST_LAYERS = 16;
const MOST_MEMBERS = 10_000;

export interface FoundMember {
  readonly name: string;
  readonly type: CType;
  /** In bytes from the start of the outermost struct. */
  readonly offset: number;
  readonly bits: Bits | undefined;
}

/** All that can be named as `object.name`, in order of declaration. */
export function membersOf(composite: CompositeType): readonly FoundMember[] {
  const found: FoundMember[] = [];
  collect(composite, 0, MOST_LAYERS, { found, left: MOST_MEMBERS });
  return found;
}

interface Search {
  readonly found: FoundMember[];
  /** How many more members are looked at, anonymous ones included. */
  left: number;
}

function collect(composite: CompositeType, base: number, layers: number, search: Search): void {
  for (const member of composite.members) {
    search.left -= 1;
    if (search.left < 0) {
      return;
    }
    const inner = bare(member.type);
    const isAnonymous = member.name === '' && (inner.kind === 'struct' || inner.kind === 'union');
    if (isAnonymous && layers > 0) {
      collect(inner, base + member.offset, layers - 1, search);
    }
    // A bit-field without a name is padding.
    if (member.name !== '') {
      search.found.push(foundAt(member, base));
    }
  }
}

const foundAt = (member: Member, base: number): FoundMember => ({
  name: member.name,
  type: member.type,
  offset: base + member.offset,
  bits: member.bits,
});

/** Throws a sentence that names what the struct has instead. */
export function memberNamed(type: CType, name: string, position: number): FoundMember {
  const inner = bare(type);
  if (inner.kind !== 'struct' && inner.kind !== 'union') {
    const sentence = `A value of type "${typeText(type)}" has no members, so no "${name}".`;
    throw new ExpressionError(position, sentence);
  }
  if (inner.isIncomplete) {
    const sentence = `"${typeText(type)}" is declared but defined nowhere: its members are unknown.`;
    throw new ExpressionError(position, sentence);
  }
  const members = membersOf(inner);
  const member = members.find((candidate) => candidate.name === name);
  if (member === undefined) {
    const has = members.slice(0, 8).map((each) => each.name);
    const all = members.length > has.length ? [...has, '…'] : has;
    const instead = all.length === 0 ? 'It has none' : `It has ${all.join(', ')}`;
    throw new ExpressionError(position, `"${typeText(type)}" has no member "${name}". ${instead}.`);
  }
  return member;
}

/** Where `path` leads to inside an object of the type: what `offsetof` gives. */
export function offsetOf(type: CType, path: readonly MemberStep[]): number {
  let inside = type;
  let offset = 0;
  for (const step of path) {
    if (step.kind === 'member') {
      const member = memberNamed(inside, step.name, step.position);
      if (member.bits !== undefined) {
        throw new ExpressionError(
          step.position,
          `"${step.name}" is a bit-field and has no offset.`,
        );
      }
      offset += member.offset;
      inside = member.type;
      continue;
    }
    const array = bare(inside);
    if (array.kind !== 'array') {
      const sentence = `"${typeText(inside)}" is no array, so [${step.index}] leads nowhere.`;
      throw new ExpressionError(step.position, sentence);
    }
    offset += step.index * sizeOf(array.element);
    inside = array.element;
  }
  return offset >>> 0;
}

/** The size of what a pointer steps over; GNU C has 1 for `void` and functions. */
export function stepOf(target: CType, position: number): number {
  const inner = bare(target);
  if (inner.kind === 'void' || inner.kind === 'function') {
    return 1;
  }
  const isOpen = (inner.kind === 'struct' || inner.kind === 'union') && inner.isIncomplete;
  const size = sizeOf(target);
  if (isOpen || !(Number.isSafeInteger(size) && size >= 0 && size < 2 ** 32)) {
    throw new ExpressionError(position, `The size of "${typeText(target)}" is not known.`);
  }
  return size;
}
