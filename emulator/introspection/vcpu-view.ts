/**
 * One virtual processor as a debugger sees it, whether the processor has its registers or they are put
 * away: registers, and memory through its own page tables.
 *
 * Looking changes nothing: no accessed bit, no translation, no count.
 */

import { wordsOf } from '../cpu/context.ts';
import { EFLAGS, eflagsOf, setArithmeticFlags } from '../cpu/flags.ts';
import type { REGISTERS, WordName } from '../cpu/state.ts';
import { CR0, CR4 } from '../cpu/system/control-registers.ts';
import type { Vcpu } from '../hypervisor/domains/vcpu.ts';
import { NO_FRAME } from '../hypervisor/memory/paged-domain.ts';
import type { Xen } from '../hypervisor/xen.ts';
import { ALL_FRAMES, type PagingMode, walk } from '../memory/page-walk.ts';

const PAGE = 4096;
const POINTERS = 4;
const PRESENT = 1;
/** Flags that a debugger may change: the others are not the guest’s own. */
const CHANGEABLE_FLAGS = 0x0025_0cd5;

export type GeneralRegister = (typeof REGISTERS)[number];

export class VcpuView {
  readonly vcpu: Vcpu;
  readonly #xen: Xen;

  constructor(xen: Xen, vcpu: Vcpu) {
    this.#xen = xen;
    this.vcpu = vcpu;
  }

  /** Whether the processor has its registers. */
  get isLoaded(): boolean {
    return this.#xen.scheduler.loaded === this.vcpu;
  }

  /** `undefined`: it has not been initialised. */
  get #words(): Record<WordName, number> | undefined {
    if (this.isLoaded) {
      return this.#xen.cpu.state;
    }
    const { context } = this.vcpu;
    return context && wordsOf(context);
  }

  /** Whether there are registers at all. */
  get hasRegisters(): boolean {
    return this.isLoaded || this.vcpu.context !== undefined;
  }

  /** A word of the processor's state; 0 before the virtual processor is initialised. */
  word(name: WordName): number {
    return this.#words?.[name] ?? 0;
  }

  get eip(): number {
    return this.word('eip');
  }

  /** Where the next instruction is, with the base of its code segment. */
  get linearEip(): number {
    return (this.word('eip') + this.word('csBase')) >>> 0;
  }

  get ring(): number {
    return this.word('csSelector') & 3;
  }

  get eflags(): number {
    const words = this.#words;
    return words === undefined ? 0 : eflagsOf(words);
  }

  /** Sets a general register or EIP. */
  setRegister(name: GeneralRegister | 'eip', value: number): void {
    const words = this.#words;
    if (words !== undefined) {
      words[name] = value >>> 0;
      this.#xen.cpu.forgetPlace();
    }
  }

  /** Sets what a program may change of EFLAGS by itself. */
  setEflags(value: number): void {
    const words = this.#words;
    if (words !== undefined) {
      const flags = (this.eflags & ~CHANGEABLE_FLAGS) | (value & CHANGEABLE_FLAGS);
      setArithmeticFlags(words, flags);
      const system = EFLAGS.trap | EFLAGS.direction | EFLAGS.alignment | EFLAGS.identification;
      words.systemFlags = ((words.systemFlags & ~system) | (flags & system)) >>> 0;
    }
  }

  // ---- memory

  /** Machine address by its page tables as they are now, or undefined where nothing is mapped. */
  physicalOf(linear: number): number | undefined {
    return this.#translate(this.#pagingMode(), linear >>> 0);
  }

  #translate(mode: PagingMode | undefined, linear: number): number | undefined {
    if (mode === undefined) {
      return undefined;
    }
    const found = walk(this.#xen.ram, mode, linear, 'read', false, true);
    return found < 0 ? undefined : (found >>> 8) * PAGE + (linear & 0xfff);
  }

  /** As many of the bytes as can be read before one that is not mapped. */
  read(linear: number, length: number): Uint8Array {
    const { ram } = this.#xen;
    const mode = this.#pagingMode();
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const at = (linear + done) >>> 0;
      const physical = this.#translate(mode, at);
      if (physical === undefined) {
        return bytes.subarray(0, done);
      }
      const count = Math.min(length - done, PAGE - (at & 0xfff));
      for (let i = 0; i < count; i++) {
        bytes[done + i] = ram.read8(physical + i);
      }
      done += count;
    }
    return bytes;
  }

  /** An unsigned word, or undefined where not all of it is mapped. */
  read32(linear: number): number | undefined {
    if (this.isLoaded) {
      const fast = this.#xen.cpu.access.fastWord(linear, false);
      if (fast !== undefined) {
        return fast >>> 0;
      }
    }
    const bytes = this.read(linear, 4);
    return bytes.length < 4
      ? undefined
      : new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  }

  #pagingMode(): PagingMode | undefined {
    const { vcpu } = this;
    if (this.isLoaded) {
      return this.#xen.cpu.access.mode;
    }
    const words = this.#words;
    if (words === undefined || vcpu.baseFrame === NO_FRAME) {
      return undefined;
    }
    const { domain, baseFrame } = vcpu;
    const { frameHighMask, disallowed } = domain.rules;
    return {
      paging: true,
      pae: domain.format === 'pae',
      largePages: (words.cr4 & CR4.pageSizeExtensions) !== 0,
      noExecute: domain.format === 'pae',
      writeProtect: (words.cr0 & CR0.writeProtect) !== 0,
      globalPages: false,
      root: baseFrame * PAGE,
      pointers: this.#pointers(),
      firstFrame: domain.isTranslated ? domain.firstFrame : 0,
      frameCount: domain.isTranslated ? domain.frameCount : ALL_FRAMES,
      ignoredHigh: ~(frameHighMask | disallowed[1].high | 0x8000_0000),
    };
  }

  #pointers(): Uint32Array {
    const { domain, baseFrame } = this.vcpu;
    const { ram } = this.#xen;
    return Uint32Array.from({ length: POINTERS }, (_, i) => {
      const low = ram.read32(baseFrame * PAGE + 8 * i);
      const frame = domain.machineFrame(low >>> 12);
      return low & PRESENT && frame !== undefined ? frame * PAGE + PRESENT : 0;
    });
  }
}
