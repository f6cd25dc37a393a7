/** What the hypervisor keeps of a virtual processor and its domain, as nodes. */

import type { Vcpu } from '../../emulator/hypervisor/domains/vcpu.ts';
import type { Debuggee } from '../debuggee/debuggee.ts';
import { devicesOf } from '../inspection/devices.ts';
import { eventChannels } from '../inspection/event-channels.ts';
import { grantTable } from '../inspection/grant-tables.ts';
import { domainData, vcpuData } from '../inspection/machine-view.ts';
import { dataNodes } from './data-nodes.ts';
import type { VariableNode } from './variable-node.ts';

export function hypervisorNodes(debuggee: Debuggee, vcpu: Vcpu): readonly VariableNode[] {
  const { machine } = debuggee;
  const { domain } = vcpu;
  const symbols = debuggee.symbols;
  const lazy = (name: string, value: string, data: () => unknown): VariableNode => ({
    name,
    value,
    children: () => dataNodes(data()),
  });
  return [
    lazy('vCPU', `${vcpu.id}, ${vcpu.runstate.state}`, () => vcpuData(machine.xen, vcpu, symbols)),
    lazy('domain', `${domain.id} ${domain.identity.name}`, () =>
      domainData(machine, domain, symbols),
    ),
    lazy('event channels', 'ports of the domain', () => eventChannels(machine, domain, {}).rows),
    lazy(
      'grant table',
      'what the domain grants',
      () => grantTable(machine.xen, domain, { usedOnly: true }).rows,
    ),
    lazy('devices', 'console, xenstore, disks', () => devicesOf(machine, domain.id)),
  ];
}
