/**
 * What must be true of a machine at any time, whatever its guests have done: counts of frames, ends of
 * event channels, uses of grants, rings.
 */

import type { Domain } from '../../../emulator/hypervisor/domains/domain.ts';
import { frameMistakes } from '../../../emulator/hypervisor/frame-check.ts';
import { pinsOf } from '../../../emulator/hypervisor/grants/grant-map.ts';
import type { Xen } from '../../../emulator/hypervisor/xen.ts';

/** Sentences about what is wrong; nothing when all is well. */
export function discrepancies(xen: Xen): string[] {
  const domains = [...xen.domains.values()];
  return [
    ...frameMistakes(xen),
    ...domains.flatMap((domain) => wrongPorts(xen, domain)),
    ...wrongPins(domains),
    ...wrongRing(xen),
  ];
}

/** Nobody who can run is in ring 0, and guests do not halt the processor. */
function wrongRing({ scheduler, cpu }: Xen): string[] {
  const { cpl, halted, csSelector, eip } = cpu.state;
  const where = `${csSelector.toString(16)}:${eip.toString(16)}`;
  return scheduler.current?.isRunnable && (cpl === 0 || halted !== 0)
    ? [`A guest is in ring ${cpl} at ${where}, halted ${halted}.`]
    : [];
}

/** Both ends of a connection name each other. */
function wrongPorts(xen: Xen, domain: Domain): string[] {
  const wrong: string[] = [];
  for (const [port, channel] of domain.events) {
    if (channel.state === 'interdomain') {
      const remote = xen.domains.get(channel.remoteDomain)?.events.at(channel.remotePort);
      const isMutual =
        remote?.state === 'interdomain' &&
        remote.remoteDomain === domain.id &&
        remote.remotePort === port;
      if (!isMutual) {
        wrong.push(`Port ${port} of domain ${domain.id} is connected to one that is not.`);
      }
    }
    if (domain.vcpus.length > 0 && domain.vcpus[domain.events.vcpuOf(port)] === undefined) {
      wrong.push(`Port ${port} of domain ${domain.id} notifies nobody.`);
    }
  }
  return wrong;
}

/** An entry of a grant table is used as often as mappings say. */
function wrongPins(domains: readonly Domain[]): string[] {
  const counted = new Map<string, number>();
  const count = (key: string, change: number) => counted.set(key, (counted.get(key) ?? 0) + change);
  for (const mapper of domains) {
    for (const [, { domain, reference, flags }] of mapper.grants.mappings()) {
      for (const pin of reference === undefined ? [] : pinsOf(flags)) {
        count(`${pin} of reference ${reference} of domain ${domain} by ${mapper.id}`, 1);
      }
    }
  }
  for (const { id, grants } of domains) {
    for (const [reference, active] of grants.active) {
      for (const [pin, pins] of Object.entries(active.pins)) {
        count(`${pin} of reference ${reference} of domain ${id} by ${active.domain}`, -pins);
      }
    }
  }
  return [...counted]
    .filter(([, difference]) => difference !== 0)
    .map(([what, difference]) => `There are ${difference} more mappings than uses: ${what}.`);
}
