/** Where a variable is at one moment of one frame. */

export type VariableLocation =
  | WholeLocation
  | { readonly kind: 'pieces'; readonly pieces: readonly Piece[] };

export type WholeLocation =
  | { readonly kind: 'memory'; readonly address: number }
  /** By the number that DWARF gives it: 0 eax, 1 ecx, 2 edx, 3 ebx, 4 esp, 5 ebp, 6 esi, 7 edi, 8 eip. */
  | { readonly kind: 'register'; readonly number: number }
  /** Nowhere, but this is what it is: the bytes of the variable, or fewer. */
  | { readonly kind: 'value'; readonly bytes: Uint8Array }
  /** A sentence says why. */
  | { readonly kind: 'unavailable'; readonly why: string };

/** A part of a variable that lies apart from the rest; pieces follow each other without a gap. */
export interface Piece {
  readonly bitSize: number;
  /** From the lowest bit of the place. */
  readonly bitOffset: number;
  readonly location: WholeLocation;
}

/** What an expression asks of the machine in one frame. All reads may say no. */
export interface FrameMachine {
  /** In a frame that has called another: an address inside of the call, not after it. */
  readonly pc: number;
  register(number: number): number | undefined;
  read(address: number, size: number): Uint8Array | undefined;
  /** The value that the stack pointer had before the call. */
  cfa(): number | undefined;
  /** The frame that called this one; without it, values at the entry of a function are unknown. */
  caller?(): FrameMachine | undefined;
}

/** Ends an expression whose value cannot be had now; its message is a sentence for the user. */
export class Unavailable extends Error {
  override readonly name = 'Unavailable';
}

export const unavailable = (why: string): WholeLocation => ({ kind: 'unavailable', why });
