/** Numbers in the x87's memory formats, at addresses in linear memory (SDM 1 §8.2). */

import {
  decodeDouble,
  decodeSingle,
  encodeDouble,
  encodeSingle,
  float64,
} from '../float/binary.ts';
import { integer, type Real } from '../float/real.ts';
import type { Processor } from '../processor.ts';

// One value at a time; nothing stays.
const lane = float64();

/** @param size 4 or 8 bytes */
export function readFloat({ access }: Processor, at: number, size: number): Real {
  if (size === 4) {
    return decodeSingle(access.valueAt(at, 4));
  }
  lane.low = access.valueAt(at, 4);
  lane.high = access.valueAt(at + 4, 4);
  return decodeDouble(lane);
}

export function writeFloat({ access }: Processor, at: number, size: number, value: Real): void {
  if (size === 4) {
    access.setValueAt(at, 4, encodeSingle(value));
    return;
  }
  encodeDouble(value, lane);
  access.setValueAt(at, 4, lane.low);
  access.setValueAt(at + 4, 4, lane.high);
}

/** @param size 2, 4 or 8 bytes, signed */
export function readInteger({ access }: Processor, at: number, size: number): Real {
  if (size === 8) {
    const high = BigInt(access.valueAt(at + 4, 4) | 0);
    return integer((high << 32n) | BigInt(access.valueAt(at, 4)));
  }
  const value = access.valueAt(at, size);
  return integer(BigInt(size === 2 ? (value << 16) >> 16 : value | 0));
}

export function writeInteger({ access }: Processor, at: number, size: number, value: bigint): void {
  access.setValueAt(at, size === 2 ? 2 : 4, Number(BigInt.asUintN(8 * Math.min(size, 4), value)));
  if (size === 8) {
    access.setValueAt(at + 4, 4, Number(BigInt.asUintN(32, value >> 32n)));
  }
}
