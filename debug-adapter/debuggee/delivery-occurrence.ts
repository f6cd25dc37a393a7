/** The delivery of events to a guest's callback, as an occurrence. */

import { shared_info, vcpu_info } from '../../emulator/abi/xen.ts';
import type { Vcpu } from '../../emulator/hypervisor/domains/vcpu.ts';
import type { Xen } from '../../emulator/hypervisor/xen.ts';
import type { Occurrence } from './occurrence.ts';

const PAGE = 4096;
const WORDS = 32;

/** The ports that the guest will find when it scans, in order. */
function portsToFind({ ram }: Xen, { domain, info }: Vcpu): number[] {
  const { sharedInfo } = domain.fields;
  const selector = ram.read32(info + vcpu_info.offsets.evtchn_pending_sel);
  const ports: number[] = [];
  for (let word = 0; word < WORDS && sharedInfo !== 0; word++) {
    if ((selector >>> word) & 1) {
      const at = sharedInfo * PAGE + 4 * word;
      const pending = ram.read32(at + shared_info.offsets.evtchn_pending);
      const masked = ram.read32(at + shared_info.offsets.evtchn_mask);
      for (let bit = 0; bit < 32; bit++) {
        if (((pending & ~masked) >>> bit) & 1) {
          ports.push(32 * word + bit);
        }
      }
    }
  }
  return ports;
}

export function deliveryOccurrence(xen: Xen, vcpu: Vcpu): Occurrence {
  const selector = xen.ram.read32(vcpu.info + vcpu_info.offsets.evtchn_pending_sel);
  const ports = portsToFind(xen, vcpu);
  const [port] = ports;
  const place = { domain: vcpu.domain.id, vcpu: vcpu.id };
  const named = ports.length === 0 ? 'no port' : `port ${ports.join(', ')}`;
  return {
    id: 'event-delivery',
    ...place,
    fields: { ...place, selector, port: port ?? -1 },
    subject: port === undefined ? '' : String(port),
    title: `upcall for ${named}`,
    story: {
      ports,
      evtchn_pending_sel: `0x${selector.toString(16)}`,
      callback: `0x${vcpu.eventCallback.eip.toString(16)}`,
    },
  };
}
