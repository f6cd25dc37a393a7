/**
 * What surrounds the processor.
 *
 * The processor does not know whether it is real or virtual: it asks here. A bare machine
 * answers as a chipset would; a hypervisor takes what it wants to handle itself.
 */

/** An exception or interrupt on its way to a handler. */
export interface Event {
  readonly vector: number;
  /** Undefined for vectors without one. */
  readonly errorCode: number | undefined;
  readonly kind: 'fault' | 'trap' | 'software' | 'external';
  /** Of the instruction to return to. */
  readonly eip: number;
}

export interface CpuidLeaf {
  readonly eax: number;
  readonly ebx: number;
  readonly ecx: number;
  readonly edx: number;
}

export interface Environment {
  /** Before an event goes through the interrupt table. True: it has been dealt with. */
  intercept(event: Event): boolean;
  /** @param size 1, 2 or 4 bytes. Nobody answering is all ones. */
  readPort(port: number, size: number): number;
  writePort(port: number, size: number, value: number): void;
  /** What CPUID tells, or undefined for the processor's own answer. */
  cpuid(leaf: number, subleaf: number): CpuidLeaf | undefined;
  /** A model-specific register that the processor itself does not have; undefined: #GP(0). */
  readMsr(index: number): bigint | undefined;
  /** False: #GP(0). */
  writeMsr(index: number, value: bigint): boolean;
  /** The time-stamp counter, given how many instructions have retired and the guest's own offset. */
  timeStamp(retired: number): bigint;
}
