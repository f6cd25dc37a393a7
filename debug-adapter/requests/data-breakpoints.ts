/** Breakpoints on data: variables, addresses, page-table entries, event ports, xenstore, registers. */

import type { DebugProtocol as DAP } from '@vscode/debugprotocol';
import { shared_info } from '../../emulator/abi/xen.ts';
import type { Vcpu } from '../../emulator/hypervisor/domains/vcpu.ts';
import { hitTest } from '../debuggee/condition.ts';
import type { DataAccess, DataBreakpoint, DataTarget } from '../debuggee/data-breakpoints.ts';
import { walkAddress } from '../inspection/address-walk.ts';
import type { Debugging } from '../session/debugging.ts';
import { parseMemoryReference } from '../session/memory-reference.ts';
import { UserError } from '../user-error.ts';
import { conditionsOf } from '../values/conditions.ts';
import { machineFrame } from '../values/machine-functions.ts';
import { numberOf } from './evaluate.ts';
import { scopeOf } from './scopes.ts';

/** What a client keeps of a data breakpoint between two sessions: it says everything. */
interface DataId {
  readonly name: string;
  readonly kind: 'va' | 'ma' | 'pfn' | 'pte' | 'evtchn' | 'xenstore' | 'register';
  readonly domain: number;
  readonly vcpu: number;
  /** An address, a port, a path, or the name of a register. */
  readonly at: string;
  /** In bytes. */
  readonly length: number;
}

const REGISTERS = ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi', 'eip'] as const;
const PAGE = 4096;
const ACCESSES: readonly DAP.DataBreakpointAccessType[] = ['read', 'write', 'readWrite'];

export class DataBreakpointRequests {
  readonly #debugging: Debugging;

  constructor(debugging: Debugging) {
    this.#debugging = debugging;
  }

  readonly dataBreakpointInfo = (
    args: DAP.DataBreakpointInfoArguments,
  ): DAP.DataBreakpointInfoResponse['body'] => {
    try {
      const id = this.#idOf(args);
      this.#targetOf(id);
      const onlyWrites = id.kind === 'register' || id.kind === 'xenstore' || id.kind === 'evtchn';
      return {
        dataId: JSON.stringify(id),
        description: descriptionOf(id),
        accessTypes: onlyWrites ? ['write'] : [...ACCESSES],
        canPersist: true,
      };
    } catch (error) {
      if (error instanceof UserError) {
        return { dataId: null, description: error.message };
      }
      throw error;
    }
  };

  readonly setDataBreakpoints = ({
    breakpoints,
  }: DAP.SetDataBreakpointsArguments): DAP.SetDataBreakpointsResponse['body'] => {
    const { run } = this.#debugging;
    const all: DataBreakpoint[] = [];
    const compiler = conditionsOf(run.debuggee);
    const answers = breakpoints.map((asked): DAP.Breakpoint => {
      const id = this.#debugging.nextBreakpointId();
      try {
        const data = parseDataId(asked.dataId);
        const target = this.#targetOf(data);
        const isBound = data.kind === 'va';
        all.push({
          ...{ id, name: data.name, target, access: accessOf(asked, data) },
          domain: isBound ? data.domain : undefined,
          condition: asked.condition?.trim() ? compiler.condition(asked.condition) : undefined,
          hits: asked.hitCondition?.trim() ? hitTest(asked.hitCondition) : undefined,
        });
        return { id, verified: true, message: descriptionOf(data) };
      } catch (error) {
        if (error instanceof UserError) {
          return { id, verified: false, message: error.message, reason: 'failed' };
        }
        throw error;
      }
    });
    run.control.data.set(all);
    return { breakpoints: answers };
  };

  #idOf(args: DAP.DataBreakpointInfoArguments): DataId {
    const { name, asAddress = false, bytes, frameId, variablesReference } = args;
    const vcpu = this.#debugging.vcpuOf(frameId);
    const place = { domain: vcpu.domain.id, vcpu: vcpu.id };
    const [, kind, rest = ''] = /^(pte|evtchn|xenstore|reg):(.*)$/.exec(name.trim()) ?? [];
    const frame = frameId === undefined ? undefined : this.#debugging.frames.at(frameId);
    const scope = scopeOf(this.#debugging, frame, vcpu);
    switch (kind) {
      case 'pte':
        return { name, kind, ...place, at: String(numberOf(rest, scope)), length: 8 };
      case 'evtchn':
        return { name, kind, ...place, at: String(numberOf(rest, scope)), length: 1 };
      case 'xenstore':
        return { name, kind, ...place, at: rest, length: 0 };
      case 'reg':
        return { name, kind: 'register', ...place, at: rest.replace(/^\$/, ''), length: 4 };
      default:
        break;
    }
    if (asAddress) {
      const reference = /:/.test(name) ? parseMemoryReference(name) : undefined;
      const address = reference?.address ?? numberOf(name, scope);
      const space = reference?.space ?? 'va';
      const domain =
        reference !== undefined && 'domain' in reference ? reference.domain : undefined;
      const at = { ...place, ...(domain === undefined ? {} : { domain }) };
      return { name, kind: space, ...at, at: String(address), length: bytes ?? 4 };
    }
    if (/^\$?(?:e[a-ds][xpi]|e[bs]p|eip)$/.test(name)) {
      return { name, kind: 'register', ...place, at: name.replace(/^\$/, ''), length: 4 };
    }
    const node =
      variablesReference === undefined
        ? undefined
        : this.#debugging.variables
            .at(variablesReference)
            ?.children?.()
            .find((child) => child.name === name);
    const expression = node?.evaluateName ?? name;
    const address = numberOf(`&(${expression})`, scope);
    const length = bytes ?? numberOf(`sizeof(${expression})`, scope);
    return { name: expression, kind: 'va', ...place, at: String(address), length };
  }

  /** Throws a sentence where there is no such thing now. */
  #targetOf({ kind, domain, vcpu: number, at, length }: DataId): DataTarget {
    const { machine } = this.#debugging.run.debuggee;
    const vcpu = machine.xen.domains.get(domain)?.vcpus[number];
    if (vcpu === undefined) {
      throw new UserError(`There is no vCPU ${number} of domain ${domain}.`);
    }
    switch (kind) {
      case 'va':
        return memory({ space: 'linear', address: Number(at), length });
      case 'ma':
        return memory({ space: 'machine', address: Number(at), length });
      case 'pfn': {
        const frame = machineFrame(machine, vcpu.domain, Math.floor(Number(at) / PAGE));
        if (frame === undefined) {
          throw new UserError(`Domain ${domain} has no such pseudo-physical frame.`);
        }
        return memory({
          space: 'machine',
          address: frame * PAGE + (Number(at) % PAGE),
          length,
        });
      }
      case 'pte':
        return this.#entryOf(vcpu, Number(at));
      case 'evtchn':
        return portOf(vcpu, Number(at));
      case 'xenstore':
        return {
          kind: 'node',
          path: at.startsWith('/') ? at : `/local/domain/${domain}/${at}`,
        };
      case 'register': {
        const register = REGISTERS.find((name) => name === at);
        if (register === undefined) {
          throw new UserError(`${at} is no general register.`);
        }
        return { kind: 'register', vcpu, register };
      }
    }
  }

  /** The last entry on the way to an address, which need not be present. */
  #entryOf(vcpu: Vcpu, address: number): DataTarget {
    const { levels } = walkAddress(this.#debugging.run.debuggee.machine, vcpu, address >>> 0);
    const last = levels[levels.length - 1];
    if (last === undefined) {
      throw new UserError('This virtual processor has no page tables.');
    }
    const length = vcpu.domain.format === 'pae' ? 8 : 4;
    return memory({ space: 'machine', address: last.address, length });
  }
}

const memory = (
  ...ranges: Extract<DataTarget, { kind: 'memory' }>['ranges'] & readonly object[]
): DataTarget => ({ kind: 'memory', ranges });

/** The bits of a port: whether an event is pending, and whether it is masked. */
function portOf({ domain }: Vcpu, port: number): DataTarget {
  const { sharedInfo } = domain.fields;
  if (sharedInfo === 0 || !domain.events.isPort(port)) {
    throw new UserError(`Domain ${domain.id} has no port ${port}.`);
  }
  const bits = 1 << (port & 7);
  const { evtchn_pending, evtchn_mask } = shared_info.offsets;
  return memory(
    ...[evtchn_pending, evtchn_mask].map((offset) => ({
      space: 'machine' as const,
      address: sharedInfo * PAGE + offset + (port >>> 3),
      length: 1,
      bits,
    })),
  );
}

const NAMES: Readonly<Record<DataId['kind'], string>> = {
  va: 'virtual address',
  ma: 'machine address',
  pfn: 'pseudo-physical address',
  pte: 'page-table entry of',
  evtchn: 'event port',
  xenstore: 'xenstore node',
  register: 'register',
};

function descriptionOf({ kind, at, length, domain, name }: DataId): string {
  const isAddress = kind === 'va' || kind === 'ma' || kind === 'pfn' || kind === 'pte';
  const where = isAddress ? `0x${Number(at).toString(16)}` : at;
  const bytes = kind === 'va' || kind === 'ma' || kind === 'pfn' ? `, ${length} bytes` : '';
  return `${name} (${NAMES[kind]} ${where}${bytes}, d${domain})`;
}

/** Bits of ports, nodes and registers have no accesses but changes. */
function accessOf({ accessType }: DAP.DataBreakpoint, { kind }: DataId): DataAccess {
  if (kind === 'register' || kind === 'evtchn') {
    return 'change';
  }
  return accessType ?? 'write';
}

function parseDataId(text: string): DataId {
  try {
    const value: unknown = JSON.parse(text);
    if (isDataId(value)) {
      return value;
    }
  } catch {
    // Said below, as for what is JSON and no data id.
  }
  throw new UserError(`${JSON.stringify(text).slice(0, 100)} names no data.`);
}

function isDataId(value: unknown): value is DataId {
  const { name, kind, domain, vcpu, at, length } = (value ?? {}) as Record<string, unknown>;
  return (
    typeof name === 'string' &&
    typeof kind === 'string' &&
    Object.hasOwn(NAMES, kind) &&
    typeof at === 'string' &&
    [domain, vcpu, length].every((number) => Number.isInteger(number) && Number(number) >= 0)
  );
}
