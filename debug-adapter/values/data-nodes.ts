/** What the hypervisor knows, as plain data, shown as a tree: numbers that are addresses in hexadecimal. */

import { LONG_LONG } from '../expressions/base-types.ts';
import type { Result, Tree, Value } from '../expressions/scope.ts';
import type { VariableNode } from './variable-node.ts';

type Plain = unknown;

/** Fields whose numbers are addresses, frames or words of bits. */
const HEXADECIMAL =
  /address|frame|eip|esp|root|selector|word|callback|base$|^start$|^end$|machine|value/i;
const MOST_CHILDREN = 4096;

function dataNode(name: string, data: Plain): VariableNode {
  const children = entriesOf(data);
  return {
    name,
    value: summaryOf(data, name),
    children:
      children.length === 0
        ? undefined
        : () => children.map(([child, value]) => dataNode(child, value)),
  };
}

export function dataNodes(data: Plain): readonly VariableNode[] {
  return entriesOf(data).map(([name, value]) => dataNode(name, value));
}

/** The same as a result of an expression. */
export function dataTree(summary: string, data: Plain, number?: number): Tree {
  const value: Value | undefined =
    number === undefined
      ? undefined
      : { kind: 'value', type: LONG_LONG, location: { kind: 'none' }, bytes: bytesOf(number) };
  return {
    kind: 'tree',
    summary,
    value,
    children: () =>
      entriesOf(data).map(([name, inner]) => ({ name, value: resultOf(name, inner) })),
  };
}

function resultOf(name: string, data: Plain): Result {
  return dataTree(summaryOf(data, name), data, typeof data === 'number' ? data : undefined);
}

function bytesOf(number: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, BigInt(Math.trunc(number)), true);
  return bytes;
}

function entriesOf(data: Plain): [string, Plain][] {
  if (typeof data !== 'object' || data === null) {
    return [];
  }
  if (Array.isArray(data)) {
    return data.slice(0, MOST_CHILDREN).map((item, i) => [labelOf(item) ?? `[${i}]`, item]);
  }
  return Object.entries(data).filter(([, value]) => value !== undefined);
}

/** A row is known by what it is about, where it says so. */
function labelOf(item: Plain): string | undefined {
  if (typeof item !== 'object' || item === null) {
    return undefined;
  }
  for (const key of ['port', 'reference', 'device', 'vector', 'name', 'id', 'path']) {
    const value = (item as Record<string, unknown>)[key];
    if (typeof value === 'number' || typeof value === 'string') {
      return `${key} ${value}`;
    }
  }
  return undefined;
}

const MOST_SHOWN = 4;

function summaryOf(data: Plain, name: string): string {
  if (Array.isArray(data)) {
    const isPlain = data.every((item) => typeof item !== 'object');
    return isPlain && data.length <= 16
      ? data.map((item) => textOf(item, name)).join(' ')
      : `${data.length} entries`;
  }
  if (typeof data === 'object' && data !== null) {
    const plain = Object.entries(data).filter(
      ([, value]) => typeof value !== 'object' && value !== undefined,
    );
    const shown = plain.slice(0, MOST_SHOWN).map(([key, value]) => `${key} ${textOf(value, key)}`);
    return shown.join(', ');
  }
  return textOf(data, name);
}

export function textOf(value: Plain, name: string): string {
  if (typeof value === 'number' && Number.isInteger(value) && HEXADECIMAL.test(name)) {
    return `0x${value.toString(16)}`;
  }
  return String(value);
}
