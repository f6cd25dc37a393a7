/** Memory in every space: virtual, pseudo-physical and machine addresses. */

import type { DebugProtocol as DAP } from '@vscode/debugprotocol';
import { poke, refusalToPoke } from '../../emulator/introspection/poke.ts';
import { bytesOfBase64, toBase64 } from '../session/base64.ts';
import type { Debugging } from '../session/debugging.ts';
import {
  type MemoryReference,
  parseMemoryReference,
  referenceText,
} from '../session/memory-reference.ts';
import { UserError } from '../user-error.ts';
import { writeVirtual } from '../values/guest-scope.ts';
import { machineFrame } from '../values/machine-functions.ts';

const PAGE = 4096;
const MOST_BYTES = 16 << 20;
const FOUR_GB = 0x1_0000_0000;

export function memoryRequests(debugging: Debugging) {
  return {
    readMemory({
      memoryReference,
      offset = 0,
      count,
    }: DAP.ReadMemoryArguments): DAP.ReadMemoryResponse['body'] {
      const reference = parseMemoryReference(memoryReference);
      const from = reference.address + offset;
      const wanted = Math.max(0, Math.min(count, MOST_BYTES));
      const bytes = from < 0 ? new Uint8Array(0) : readBytes(debugging, reference, from, wanted);
      const unreadable = wanted - bytes.length;
      return {
        address: referenceText(reference, Math.max(from, 0)),
        ...(unreadable > 0
          ? {
              unreadableBytes: unreadableFrom(
                debugging,
                reference,
                from + bytes.length,
                unreadable,
              ),
            }
          : {}),
        ...(bytes.length > 0 ? { data: toBase64(bytes) } : {}),
      };
    },

    writeMemory({
      memoryReference,
      offset = 0,
      allowPartial = false,
      data,
    }: DAP.WriteMemoryArguments): DAP.WriteMemoryResponse['body'] {
      const { run } = debugging;
      run.requireGuest();
      const reference = parseMemoryReference(memoryReference);
      const bytes = bytesOfBase64(data);
      const from = reference.address + offset;
      const there = readBytes(debugging, reference, from, bytes.length).length;
      if (there < bytes.length && !(allowPartial && there > 0)) {
        throw new UserError(
          `Only ${there} of ${bytes.length} bytes at ${referenceText(reference, from)} are mapped.`,
        );
      }
      writeBytes(debugging, reference, from, bytes.subarray(0, there));
      debugging.memoryChanged();
      return { offset: 0, bytesWritten: there };
    },
  };
}

/** As many bytes as can be read from there on. */
export function readBytes(
  debugging: Debugging,
  reference: MemoryReference,
  from: number,
  length: number,
): Uint8Array {
  const { debuggee } = debugging.run;
  const { xen } = debuggee.machine;
  switch (reference.space) {
    case 'va': {
      const vcpu = vcpuOf(debugging, reference);
      return debuggee.viewOf(vcpu).read(from, Math.min(length, FOUR_GB - from));
    }
    case 'ma': {
      const count = Math.max(0, Math.min(length, xen.ram.size - from));
      return xen.ram.bytes(from, count).slice();
    }
    case 'pfn':
      return readPseudoPhysical(debugging, reference.domain, from, length);
  }
}

function vcpuOf(debugging: Debugging, reference: Extract<MemoryReference, { space: 'va' }>) {
  const { domain, vcpu } = reference;
  if (domain === undefined) {
    return debugging.vcpuOf(undefined);
  }
  const found = debugging.run.debuggee.machine.xen.domains.get(domain)?.vcpus[vcpu];
  if (found === undefined) {
    throw new UserError(`There is no domain ${domain} with a vCPU ${vcpu}.`);
  }
  return found;
}

/** Frame after frame, each wherever it is in the machine. */
function readPseudoPhysical(
  debugging: Debugging,
  id: number,
  from: number,
  length: number,
): Uint8Array {
  const { xen } = debugging.run.debuggee.machine;
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const at = from + done;
    const frame = machineFrameOf(debugging, id, Math.floor(at / PAGE));
    if (frame === undefined || !xen.ram.has(frame)) {
      return bytes.subarray(0, done);
    }
    const count = Math.min(length - done, PAGE - (at % PAGE));
    bytes.set(xen.ram.bytes(frame * PAGE + (at % PAGE), count), done);
    done += count;
  }
  return bytes;
}

function machineFrameOf(debugging: Debugging, id: number, pfn: number): number | undefined {
  const { machine } = debugging.run.debuggee;
  const domain = machine.xen.domains.get(id);
  if (domain === undefined) {
    throw new UserError(`There is no domain ${id}.`);
  }
  return machineFrame(machine, domain, pfn);
}

/** How many bytes cannot be read before some that can. */
function unreadableFrom(
  debugging: Debugging,
  reference: MemoryReference,
  from: number,
  length: number,
): number {
  for (let skipped = 0; skipped < length; ) {
    const next = from + skipped;
    if (readBytes(debugging, reference, next, 1).length > 0) {
      return skipped;
    }
    skipped += PAGE - (next % PAGE);
  }
  return length;
}

function writeBytes(
  debugging: Debugging,
  reference: MemoryReference,
  from: number,
  bytes: Uint8Array,
): void {
  const { debuggee } = debugging.run;
  const { xen } = debuggee.machine;
  if (reference.space === 'va') {
    writeVirtual(xen, debuggee.viewOf(vcpuOf(debugging, reference)), from, bytes);
    return;
  }
  for (let done = 0; done < bytes.length; ) {
    const at = from + done;
    const count = Math.min(bytes.length - done, PAGE - (at % PAGE));
    const frame =
      reference.space === 'ma'
        ? Math.floor(at / PAGE)
        : machineFrameOf(debugging, reference.domain, Math.floor(at / PAGE));
    const address = (frame ?? 0) * PAGE + (at % PAGE);
    const refusal = refusalToPoke(xen, address, count);
    if (refusal !== undefined) {
      throw new UserError(refusal);
    }
    poke(xen, address, bytes.subarray(done, done + count));
    done += count;
  }
}
