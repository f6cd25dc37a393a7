/**
 * The one WebAssembly memory of a machine, and what lies where in it.
 *
 * Everything that generated code touches is here: the processor's state, its translation
 * tables, decoded instructions and the machine's RAM. The memory is never grown, since growing
 * would detach every view of it. This is the only declaration of these addresses.
 */

const KB = 1024;
const MB = 1024 * KB;
const TABLE = 4 * MB;

export const PAGE_SIZE = 4096;
/** Most RAM that a machine may have, in bytes. */
const RAM_LIMIT = 1024 * MB;
/** How many translations the TLB holds before it starts afresh. */
export const TLB_CAPACITY = 65_536;

/** Byte addresses in linear memory. A table of 4 MB has a word for each of 2^20 linear pages. */
export const REGION = {
  /** Never written: the code map of "nothing decoded here" (4096 words of 0). */
  emptyCodeMap: 0,
  /** The processor's registers and working words; see `cpu/state.ts`. */
  state: 0x4000,
  /** Accesses that cross a page are gathered here: two pages. */
  scratch: 0x6000,
  /** Operands longer than a register, as functions of TypeScript hand them over. */
  operands: 0x8000,
  /** A byte of flags for each frame of RAM. */
  frameFlags: 0x1_0000,
  /** Pages that have a translation, in the order in which they got it. */
  tlbLog: 0x5_0000,
  translations: 4 * MB,
  readSupervisor: 4 * MB + TABLE,
  readUser: 4 * MB + 2 * TABLE,
  writeSupervisor: 4 * MB + 3 * TABLE,
  writeUser: 4 * MB + 4 * TABLE,
  codeSupervisor: 4 * MB + 5 * TABLE,
  codeUser: 4 * MB + 6 * TABLE,
  /** Decoded instructions and code maps. */
  arena: 32 * MB,
  ram: 44 * MB,
} as const;

export const ARENA_SIZE = REGION.ram - REGION.arena;

/** What is known of a frame of RAM, one byte each. */
export const FRAME = {
  /** Decoded instructions came from it: a write must drop them. */
  code: 1,
  /** Written since dirty tracking began. */
  dirty: 2,
  /** The debugger wants to see reads of it. */
  watchedReads: 4,
  /** The debugger wants to see writes to it. */
  watchedWrites: 8,
  /** Written since the machine was made; it is zero if not. */
  written: 16,
} as const;

const WASM_PAGE = 64 * KB;

export class LinearMemory {
  readonly memory: WebAssembly.Memory;
  readonly ramSize: number;
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
  readonly u64: BigUint64Array;
  readonly f64: Float64Array;

  /** @param ramSize bytes of RAM: a multiple of the page size, at most `RAM_LIMIT`. */
  constructor(ramSize: number) {
    if (!Number.isInteger(ramSize) || ramSize < 0 || ramSize > RAM_LIMIT || ramSize % PAGE_SIZE) {
      throw new RangeError(
        `A machine cannot have ${ramSize} bytes of RAM: it must be a multiple of 4096, at most 1 GB.`,
      );
    }
    this.ramSize = ramSize;
    const pages = Math.ceil((REGION.ram + ramSize) / WASM_PAGE);
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    const { buffer } = this.memory;
    this.u8 = new Uint8Array(buffer);
    this.u16 = new Uint16Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.u64 = new BigUint64Array(buffer);
    this.f64 = new Float64Array(buffer);
  }

  /** How many 64 KB pages the memory has, which a module that imports it must declare. */
  get pages(): number {
    return this.u8.length / WASM_PAGE;
  }
}
