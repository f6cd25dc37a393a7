/**
 * Our own processor under the conditions of hostcpu: the same case gives the same kind of result.
 *
 * One machine serves all cases. A case begins with the registers of the one before it overwritten,
 * and ends with its changes to memory taken back, so none sees another.
 */

import type { CpuidLeaf, Environment, Event } from '../../../emulator/cpu/environment.ts';
import {
  ARITHMETIC_FLAGS,
  EFLAGS,
  eflagsOf,
  setArithmeticFlags,
} from '../../../emulator/cpu/flags.ts';
import { Processor } from '../../../emulator/cpu/processor.ts';
import { SEGMENTS, STATE, X87_REGISTERS, XMM_REGISTERS } from '../../../emulator/cpu/state.ts';
import {
  CR0,
  CR4,
  EFER_NXE,
  setCr0,
  setCr3,
  setCr4,
  setEfer,
} from '../../../emulator/cpu/system/control-registers.ts';
import { flagsToPush } from '../../../emulator/cpu/system/interrupts.ts';
import {
  setNull,
  setPrivilege,
  setSegment,
  updateSegments,
} from '../../../emulator/cpu/system/segmentation.ts';
import { LinearMemory, REGION } from '../../../emulator/memory/linear-memory.ts';
import {
  GDT_BASE,
  GDT_LIMIT,
  IDT_BASE,
  initialRam,
  LDT_BASE,
  LDT_LIMIT,
  PHYSICAL,
  RAM_BYTES,
  USER_VECTORS,
  wordsOf,
} from './layout.ts';
import { FLAT } from './segments.ts';
import {
  CODE_BASE,
  DATA_BASE,
  dataPattern,
  FXSAVE,
  FXSAVE_BYTES,
  type MemoryPatch,
  PAGE_BYTES,
  READ_ONLY_BASE,
  type Segments,
  type SiliconCase,
  type SiliconResult,
} from './wire.ts';

/** A case that runs longer has lost its way. */
const PATIENCE = 200_000;
const INT3 = 0xcc;
const LDTR = 6;
const SYSTEM_CALL = 0x80;
const DEBUG = 1;
const BREAKPOINT = 3;
const PAGE_FAULT = 14;

/** Ends a case with the first event; what user code may not raise goes on to the checks of `int`. */
class LastEvent implements Environment {
  seen: Event | undefined;
  onEvent: (event: Event) => void = () => {};

  intercept(event: Event): boolean {
    if (event.kind === 'software' && !USER_VECTORS.includes(event.vector)) {
      return false;
    }
    this.seen = event;
    this.onEvent(event);
    return true;
  }
  readPort(_port: number, size: number): number {
    return 2 ** (8 * size) - 1;
  }
  writePort(): void {}
  cpuid(): CpuidLeaf | undefined {
    return undefined;
  }
  readMsr(): bigint | undefined {
    return undefined;
  }
  writeMsr(): boolean {
    return false;
  }
  timeStamp(retired: number): bigint {
    return BigInt(retired);
  }
}

/** Pages whose changes are a result, as the case sees them and as they are between cases. */
interface Watched {
  readonly linear: number;
  readonly physical: number;
  readonly live: Buffer;
  readonly pristine: Buffer;
  /** As they were when the case began. */
  readonly before: Buffer;
}

const wordsIn = (bytes: Buffer): Uint32Array =>
  new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);

export class OurProcessor {
  readonly #cpu: Processor;
  readonly #last = new LastEvent();
  readonly #watched: readonly Watched[];
  readonly #bytes: Uint8Array;
  /** The state with which every case begins, but for what it gives itself. */
  readonly #initial: Uint32Array;
  readonly #words: Uint32Array;
  /** EFLAGS as the last event would have pushed them. */
  #flags = 0;

  constructor() {
    const memory = new LinearMemory(RAM_BYTES);
    const cpu = new Processor(memory, this.#last);
    this.#cpu = cpu;
    this.#last.onEvent = (event) => {
      this.#flags = flagsToPush(cpu, event);
      cpu.endRun({ kind: 'environment', reason: 'event' });
    };
    for (const [address, value] of initialRam()) {
      cpu.ram.write32(address, value);
    }
    this.#watched = [
      this.#watch(memory, CODE_BASE, PHYSICAL.code, () => INT3),
      this.#watch(memory, DATA_BASE, PHYSICAL.data, dataPattern),
    ];
    this.#watch(memory, READ_ONLY_BASE, PHYSICAL.readOnly, dataPattern, PAGE_BYTES);
    this.#setUpSystem();
    this.#bytes = memory.u8;
    this.#words = memory.u32.subarray(REGION.state / 4, REGION.state / 4 + 0x100);
    this.#initial = this.#words.slice();
  }

  #watch(
    memory: LinearMemory,
    linear: number,
    physical: number,
    content: (address: number) => number,
    bytes = 2 * PAGE_BYTES,
  ): Watched {
    const pristine = Buffer.from(new ArrayBuffer(bytes));
    for (let offset = 0; offset < bytes; offset++) {
      pristine[offset] = content(linear + offset);
    }
    this.#cpu.ram.load(physical, pristine);
    const live = Buffer.from(memory.memory.buffer, REGION.ram + physical, bytes);
    return { linear, physical, live, pristine, before: Buffer.from(pristine.buffer.slice(0)) };
  }

  /** Control registers, tables and segments as Linux has them for a 32-bit program. */
  #setUpSystem(): void {
    const cpu = this.#cpu;
    const { state } = cpu;
    setEfer(cpu, EFER_NXE);
    setCr4(
      cpu,
      CR4.physicalAddressExtension |
        CR4.pageSizeExtensions |
        CR4.pageGlobal |
        CR4.osFxsr |
        CR4.osXmmExceptions |
        CR4.debugExtensions,
    );
    setCr3(cpu, PHYSICAL.pointers);
    setCr0(
      cpu,
      (CR0.paging |
        CR0.protection |
        CR0.monitorMath |
        CR0.numericError |
        CR0.writeProtect |
        CR0.alignmentMask) >>>
        0,
    );
    state.gdtBase = GDT_BASE;
    state.gdtLimit = GDT_LIMIT;
    state.idtBase = IDT_BASE;
    state.idtLimit = 256 * 8 - 1;
    const ldt = {
      low: ((LDT_BASE << 16) | LDT_LIMIT) >>> 0,
      high: ((LDT_BASE & 0xff00_0000) | ((LDT_BASE >>> 16) & 0xff) | 0x8200) >>> 0,
      address: 0,
    };
    setSegment(cpu, LDTR, 0x50, ldt);
    this.#loadSegments(FLAT);
  }

  #loadSegments(segments: Segments): void {
    const cpu = this.#cpu;
    for (const [index, name] of SEGMENTS.entries()) {
      const words = wordsOf(segments[name]);
      if (words === undefined) {
        setNull(cpu, index, segments[name]);
      } else {
        setSegment(cpu, index, segments[name], { low: words[0], high: words[1], address: 0 });
      }
    }
    setPrivilege(cpu, 3);
    updateSegments(cpu);
  }

  run(subject: SiliconCase): SiliconResult {
    this.#prepare(subject);
    this.#last.seen = undefined;
    const stop = this.#cpu.run(PATIENCE);
    // Quicker than to let every write to code look for what was decoded from it.
    this.#cpu.code.flush();
    const result = this.#result(subject, stop.kind === 'environment' ? this.#last.seen : undefined);
    this.#takeBack(subject);
    return result;
  }

  #prepare(subject: SiliconCase): void {
    const cpu = this.#cpu;
    const { state } = cpu;
    this.#words.set(this.#initial);
    if (subject.segments !== undefined) {
      this.#loadSegments(subject.segments);
    } else if (!cpu.code.context.isFlat || cpu.code.context.base !== 0) {
      updateSegments(cpu);
    }
    this.#words.set(subject.registers, (STATE.eax - REGION.state) / 4);
    const trap = subject.mode === 'step' ? EFLAGS.trap : 0;
    state.systemFlags = ((subject.eflags & ~ARITHMETIC_FLAGS) | EFLAGS.fixed | trap) >>> 0;
    setArithmeticFlags(state, subject.eflags);
    state.alignmentCheck = subject.eflags & EFLAGS.alignment ? 1 : 0;
    state.eip = subject.eip;
    state.shadow = -1;
    if (subject.fxsave !== undefined) {
      this.#loadFpu(subject.fxsave);
    }
    this.#place(subject.codeAddress, subject.code);
    for (const patch of subject.memory) {
      this.#place(patch.address, patch.bytes);
    }
  }

  #watchedAt(address: number, length: number): Watched | undefined {
    return this.#watched.find(
      ({ linear, live }) => address >= linear && address + length <= linear + live.length,
    );
  }

  #place(address: number, bytes: Uint8Array): void {
    const pages = this.#watchedAt(address, bytes.length);
    if (pages !== undefined) {
      const offset = address - pages.linear;
      this.#cpu.ram.load(pages.physical + offset, bytes);
      pages.before.set(bytes, offset);
    }
  }

  #unplace(address: number, length: number): void {
    const pages = this.#watchedAt(address, length);
    if (pages !== undefined) {
      const offset = address - pages.linear;
      const bytes = pages.pristine.subarray(offset, offset + length);
      this.#cpu.ram.load(pages.physical + offset, bytes);
      pages.before.set(bytes, offset);
    }
  }

  #takeBack(subject: SiliconCase): void {
    this.#unplace(subject.codeAddress, subject.code.length);
    for (const { address, bytes } of subject.memory) {
      this.#unplace(address, bytes.length);
    }
  }

  #result(subject: SiliconCase, event: Event | undefined): SiliconResult {
    const { state } = this.#cpu;
    const behind = subject.eip + subject.code.length;
    const isStepped = subject.mode === 'step' && event?.vector === DEBUG;
    const hasReachedEnd = event?.vector === BREAKPOINT && event.eip === behind + 1;
    const isCompleted = isStepped || (hasReachedEnd && subject.mode !== 'step');
    const isSystemCall = event?.vector === SYSTEM_CALL && event.kind === 'software';
    const isFault = event !== undefined && !isCompleted && !isSystemCall;
    const trap = isStepped ? EFLAGS.trap : 0;
    const first = (STATE.eax - REGION.state) / 4;
    return {
      subject,
      outcome:
        event === undefined
          ? 'timeout'
          : isCompleted
            ? 'completed'
            : isSystemCall
              ? 'syscall'
              : 'fault',
      vector: isFault ? event.vector : 0,
      errorCode: isFault ? (event.errorCode ?? 0) : 0,
      cr2: isFault && event.vector === PAGE_FAULT ? state.cr2 : 0,
      registers: this.#words.slice(first, first + 8),
      eflags: ((event === undefined ? eflagsOf(state) : this.#flags) & ~trap) >>> 0,
      eip: hasReachedEnd && isCompleted ? behind : (event?.eip ?? state.eip),
      segments: {
        es: state.esSelector,
        cs: state.csSelector,
        ss: state.ssSelector,
        ds: state.dsSelector,
        fs: state.fsSelector,
        gs: state.gsSelector,
      },
      memory: this.#changes(),
      moreMemory: false,
      ...(subject.fxsave && { fxsave: this.#saveFpu() }),
    };
  }

  /** What the case changed, in aligned units of eight bytes; it is changed back. */
  #changes(): MemoryPatch[] {
    const changes: MemoryPatch[] = [];
    for (const pages of this.#watched) {
      if (pages.live.compare(pages.before) !== 0) {
        this.#changesOf(pages, changes);
      }
    }
    return changes;
  }

  #changesOf({ linear, physical, live, before }: Watched, changes: MemoryPatch[]): void {
    const [now, then] = [wordsIn(live), wordsIn(before)];
    const differs = (word: number): boolean =>
      word < now.length && (now[word] !== then[word] || now[word + 1] !== then[word + 1]);
    for (let from = 0; from < now.length; from += 2) {
      let to = from;
      while (differs(to)) {
        to += 2;
      }
      if (to > from) {
        const bytes = Uint8Array.from(live.subarray(4 * from, 4 * to));
        changes.push({ address: linear + 4 * from, bytes });
        this.#cpu.ram.load(physical + 4 * from, before.subarray(4 * from, 4 * to));
        from = to;
      }
    }
  }

  #loadFpu(image: Uint8Array): void {
    const { state } = this.#cpu;
    const view = new DataView(image.buffer, image.byteOffset, image.length);
    const status = view.getUint16(FXSAVE.status, true);
    state.fpuControl = view.getUint16(FXSAVE.control, true);
    state.fpuStatus = status;
    state.fpuTags = image[FXSAVE.tags] ?? 0;
    state.fpuOpcode = view.getUint16(FXSAVE.opcode, true);
    state.fpuIp = view.getUint32(FXSAVE.instruction, true);
    state.fpuCs = view.getUint16(FXSAVE.instruction + 4, true);
    state.fpuDp = view.getUint32(FXSAVE.operand, true);
    state.fpuDs = view.getUint16(FXSAVE.operand + 4, true);
    state.mxcsr = view.getUint16(FXSAVE.mxcsr, true);
    for (let number = 0; number < 8; number++) {
      const physical = (number + (status >>> 11)) & 7;
      const from = FXSAVE.stack + 16 * number;
      this.#bytes.set(image.subarray(from, from + 10), X87_REGISTERS + 16 * physical);
    }
    this.#bytes.set(image.subarray(FXSAVE.vectors), XMM_REGISTERS);
  }

  #saveFpu(): Uint8Array {
    const { state } = this.#cpu;
    const image = new Uint8Array(FXSAVE_BYTES);
    const view = new DataView(image.buffer);
    view.setUint16(FXSAVE.control, state.fpuControl, true);
    view.setUint16(FXSAVE.status, state.fpuStatus, true);
    image[FXSAVE.tags] = state.fpuTags;
    view.setUint16(FXSAVE.opcode, state.fpuOpcode, true);
    view.setUint32(FXSAVE.instruction, state.fpuIp, true);
    view.setUint16(FXSAVE.instruction + 4, state.fpuCs, true);
    view.setUint32(FXSAVE.operand, state.fpuDp, true);
    view.setUint16(FXSAVE.operand + 4, state.fpuDs, true);
    view.setUint32(FXSAVE.mxcsr, state.mxcsr, true);
    for (let number = 0; number < 8; number++) {
      const physical = X87_REGISTERS + 16 * ((number + (state.fpuStatus >>> 11)) & 7);
      image.set(this.#bytes.subarray(physical, physical + 10), FXSAVE.stack + 16 * number);
    }
    image.set(this.#bytes.subarray(XMM_REGISTERS, XMM_REGISTERS + 128), FXSAVE.vectors);
    return image;
  }
}
