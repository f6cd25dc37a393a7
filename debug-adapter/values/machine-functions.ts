/** Functions of expressions that ask the hypervisor: `evtchn(3)`, `pte(addr)`, `xenstore("device")`. */

import type { Domain } from '../../emulator/hypervisor/domains/domain.ts';
import type { Vcpu } from '../../emulator/hypervisor/domains/vcpu.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import type { HostFunction, HostParameter, Result } from '../expressions/scope.ts';
import { walkAddress } from '../inspection/address-walk.ts';
import { eventChannel } from '../inspection/event-channels.ts';
import { FrameReader, pseudoPhysicalFrame } from '../inspection/frame-reader.ts';
import { grantData } from '../inspection/grant-tables.ts';
import { storeNode } from '../inspection/store-view.ts';
import { UserError } from '../user-error.ts';
import { dataTree } from './data-nodes.ts';

const NUMBER: HostParameter = { name: 'number', kind: 'number' };
const ADDRESS: HostParameter = { name: 'address', kind: 'number' };

const asNumber = (value: unknown): number => {
  if (typeof value !== 'number' || value < 0) {
    throw new UserError('A number that is not negative is needed here.');
  }
  return value;
};

/** Where a function is asked. */
interface Asked {
  readonly machine: Machine;
  readonly vcpu: Vcpu;
}

interface MachineFunction extends Omit<HostFunction, 'call'> {
  readonly summary: string;
  call(asked: Asked, args: readonly unknown[]): Result;
}

export const MACHINE_FUNCTIONS: readonly MachineFunction[] = [
  {
    name: 'evtchn',
    parameters: [{ ...NUMBER, name: 'port' }],
    summary: 'An event channel of this domain.',
    call({ machine, vcpu }, [argument]) {
      const port = asNumber(argument);
      const channel = eventChannel(machine, vcpu.domain, port);
      return channel === undefined
        ? tree(`port ${port} is free`, { port })
        : tree(
            `${channel.type}${channel.isPending === true ? ', pending' : ''}${channel.isMasked === true ? ', masked' : ''}`,
            channel,
            port,
          );
    },
  },
  {
    name: 'pte',
    parameters: [ADDRESS],
    summary: 'The last page-table entry on the way to a virtual address.',
    call({ machine, vcpu }, [argument]) {
      const walk = walkAddress(machine, vcpu, asNumber(argument) >>> 0);
      const last = walk.levels[walk.levels.length - 1];
      if (last === undefined) {
        throw new UserError('This virtual processor has no page tables.');
      }
      return tree(`${last.value} ${last.bitNames.join(' ')}`, last, Number(last.value));
    },
  },
  {
    name: 'walk',
    parameters: [ADDRESS],
    summary: 'All entries on the way to a virtual address, and where it ends.',
    call({ machine, vcpu }, [argument]) {
      const walk = walkAddress(machine, vcpu, asNumber(argument) >>> 0);
      const { outcome } = walk;
      const isMapped = outcome.kind === 'mapped';
      const summary = isMapped
        ? `machine address 0x${outcome.machineAddress.toString(16)}`
        : 'not mapped';
      return tree(summary, walk, isMapped ? outcome.machineAddress : undefined);
    },
  },
  {
    name: 'gnt',
    parameters: [{ ...NUMBER, name: 'reference' }],
    summary: 'An entry of the grant table of this domain.',
    call({ machine, vcpu }, [argument]) {
      const reference = asNumber(argument);
      const { domain } = vcpu;
      if (reference >= domain.grants.entryCount) {
        throw new UserError(`The grant table has ${domain.grants.entryCount} entries.`);
      }
      const grant = grantData(machine.xen, domain, reference);
      return tree(`${grant.type} for domain ${grant.grantee}`, grant, reference);
    },
  },
  {
    name: 'mfn',
    parameters: [{ ...NUMBER, name: 'frame' }],
    summary: 'What is known of a machine frame.',
    call({ machine }, [argument]) {
      const frame = asNumber(argument);
      const data = new FrameReader(machine).of(frame);
      return tree(`${data.type}, ${data.references} references`, data, frame);
    },
  },
  {
    name: 'm2p',
    parameters: [{ ...NUMBER, name: 'frame' }],
    summary: 'The pseudo-physical frame of a machine frame.',
    call({ machine }, [argument]) {
      const pfn = pseudoPhysicalFrame(machine.xen, asNumber(argument));
      if (pfn === undefined) {
        throw new UserError('No domain has a number for this machine frame.');
      }
      return tree(`0x${pfn.toString(16)}`, {}, pfn);
    },
  },
  {
    name: 'p2m',
    parameters: [{ ...NUMBER, name: 'pfn' }],
    summary: 'The machine frame of a pseudo-physical frame of this domain.',
    call({ machine, vcpu }, [argument]) {
      const pfn = asNumber(argument);
      const mfn = machineFrame(machine, vcpu.domain, pfn);
      if (mfn === undefined) {
        throw new UserError(`The domain has no pseudo-physical frame 0x${pfn.toString(16)}.`);
      }
      return tree(`0x${mfn.toString(16)}`, {}, mfn);
    },
  },
  {
    name: 'xenstore',
    parameters: [{ name: 'path', kind: 'text' }],
    summary: 'A node of xenstore; a relative path begins at the home of this domain.',
    call: ({ machine, vcpu }, [argument]) => nodeOfStore(machine, vcpu.domain.id, String(argument)),
  },
];

export function machineFunctions(machine: Machine, vcpu: Vcpu): ReadonlyMap<string, HostFunction> {
  const asked = { machine, vcpu };
  return new Map(
    MACHINE_FUNCTIONS.map(({ name, parameters, summary, call }) => [
      name,
      { name, parameters, summary, call: (args) => call(asked, args) },
    ]),
  );
}

const tree = (summary: string, data: object, number?: number): Result =>
  dataTree(summary, data, number);

/** Read backwards from the machine-to-physical table, which is what the hypervisor has. */
export function machineFrame({ xen }: Machine, domain: Domain, pfn: number): number | undefined {
  if (domain.isTranslated) {
    return domain.machineFrame(pfn);
  }
  const { owner, count } = xen.frames;
  for (let mfn = 0; mfn < count; mfn++) {
    if (owner[mfn] === domain.id && xen.frames.m2p(mfn) === pfn) {
      return mfn;
    }
  }
  return undefined;
}

function nodeOfStore(machine: Machine, domain: number, path: string): Result {
  const absolute = path.startsWith('/') ? path : `/local/domain/${domain}/${path}`;
  const node = storeNode(machine, absolute);
  if (node === undefined) {
    throw new UserError(`There is no node ${absolute} in xenstore.`);
  }
  return dataTree(JSON.stringify(node.value), node);
}
