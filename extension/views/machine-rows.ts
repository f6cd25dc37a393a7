/** The view _Machine_: domains and their virtual processors. */

import type { MachineData } from '../../debug-adapter/custom-requests.ts';
import { address, counted, duration, grouped, hexadecimal, pagesSize } from './figures.ts';
import type { Ask, Detail, Row, RowIcon } from './row.ts';

type DomainData = MachineData['domains'][number];
type VcpuData = DomainData['vcpus'][number];

const domainName = ({ id, name }: { id: number; name: string }): string => `${name} (d${id})`;

export async function machineRows(ask: Ask): Promise<readonly Row[]> {
  const data = await ask('ringside/machine', {});
  return [...data.domains.map(domainRow), wholeRow(data)];
}

/** A row for each domain, with rows below it that come when it is opened. */
export async function rowsByDomain(
  ask: Ask,
  below: (domain: DomainData) => Promise<readonly Row[]>,
): Promise<readonly Row[]> {
  const { domains } = await ask('ringside/machine', {});
  return domains.map((domain) => ({
    id: `d${domain.id}`,
    label: domainName(domain),
    icon: domainIcon(domain),
    isOpen: domain.role === 'guest',
    children: () => below(domain),
  }));
}

function wholeRow({ instructions, systemTime, memory, running }: MachineData): Row {
  const onProcessor = running === undefined ? 'all sleep' : `d${running.domain} v${running.vcpu}`;
  return {
    id: 'machine',
    label: 'Machine',
    description: `${duration(systemTime)}, ${pagesSize(memory.free)} free`,
    icon: { name: 'server' },
    details: [
      ['Instructions', grouped(instructions)],
      ['System time', duration(systemTime)],
      ['Has the processor', onProcessor],
      ['Memory', `${pagesSize(memory.frames)}, ${counted(memory.frames, 'frame')}`],
      ['Free', `${pagesSize(memory.free)}, ${counted(memory.free, 'frame')}`],
    ],
  };
}

function domainIcon({ role, state, shutdown }: DomainData): RowIcon {
  if (role === 'backends') {
    return { name: 'server-process' };
  }
  if (state === 'running') {
    return { name: 'vm-running' };
  }
  return shutdown?.name === 'crash'
    ? { name: 'error', color: 'list.errorForeground' }
    : { name: 'vm-outline' };
}

function domainRow(domain: DomainData): Row {
  const { id, role, state, shutdown, pages } = domain;
  const ended = shutdown === undefined ? state : shutdown.name;
  return {
    id: `d${id}`,
    label: domainName(domain),
    description: role === 'backends' ? 'back-ends' : `${ended}, ${pagesSize(pages)}`,
    icon: domainIcon(domain),
    note: shutdown?.sentence,
    details: domainDetails(domain),
    isOpen: role === 'guest',
    ...(domain.vcpus.length === 0 || role === 'backends'
      ? {}
      : { children: domain.vcpus.map((vcpu) => vcpuRow(domain, vcpu)) }),
  };
}

function domainDetails(domain: DomainData): Detail[] {
  const { shutdown, profile, model, tableFormat, pages, maxPages, assists, services } = domain;
  return [
    ['State', shutdown === undefined ? domain.state : `${shutdown.name} (${shutdown.reason})`],
    ['Hypervisor', profile],
    ['Memory model', model],
    ['Page tables', tableFormat],
    ['Memory', `${pagesSize(pages)} of ${pagesSize(maxPages)}`],
    ['Assists', assists.length === 0 ? 'none' : assists.join(', ')],
    ...(services === undefined
      ? []
      : ([
          ['Console', `port ${services.consolePort}, mfn ${hexadecimal(services.consoleFrame)}`],
          ['XenStore', `port ${services.storePort}, mfn ${hexadecimal(services.storeFrame)}`],
        ] satisfies Detail[])),
  ];
}

const VCPU_ICON: Readonly<Record<VcpuData['state'], RowIcon>> = {
  running: { name: 'play-circle', color: 'charts.green' },
  runnable: { name: 'play' },
  blocked: { name: 'debug-pause' },
  polling: { name: 'watch' },
  offline: { name: 'circle-slash', color: 'disabledForeground' },
};

function vcpuRow(domain: DomainData, vcpu: VcpuData): Row {
  const { id, state, eip, ring } = vcpu;
  const place = eip === undefined ? '' : (eip.symbol ?? address(eip.address));
  return {
    id: `d${domain.id}v${id}`,
    label: `vCPU ${id}`,
    description: [stateText(vcpu), place].filter((part) => part !== '').join(', '),
    icon: VCPU_ICON[state],
    details: [
      ['State', stateText(vcpu)],
      ...(eip === undefined
        ? []
        : ([['EIP', `${address(eip.address)} ${eip.symbol ?? ''}`]] satisfies Detail[])),
      ...(ring === undefined ? [] : ([['Ring', String(ring)]] satisfies Detail[])),
      ...(vcpu.baseFrame === undefined
        ? []
        : ([['CR3', `frame ${hexadecimal(vcpu.baseFrame)}`]] satisfies Detail[])),
      ['Upcall pending', String(vcpu.upcallPending)],
      ['Upcall mask', String(vcpu.upcallMask)],
      ['NMI', nmiText(vcpu.nmi)],
    ],
    ...(vcpu.isInitialised ? { subject: { kind: 'vcpu', domain: domain.id, vcpu: id } } : {}),
  };
}

function stateText({ state, polledPorts = [], pollEnds, isInitialised }: VcpuData): string {
  if (state === 'polling') {
    const end = pollEnds === undefined ? '' : ` until ${duration(pollEnds)}`;
    return `polls ports ${polledPorts.join(', ')}${end}`;
  }
  return isInitialised ? state : 'not brought up';
}

function nmiText({ isPending, isMasked }: VcpuData['nmi']): string {
  return `${isPending ? 'pending' : 'none pending'}, ${isMasked ? 'masked' : 'not masked'}`;
}
