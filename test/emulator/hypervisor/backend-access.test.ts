/** Back-ends reach a guest as domain 0 would: by what it grants and by the ports it opens. */

import { beforeEach, describe, expect, test } from 'vitest';
import { EVTCHNOP, evtchn_send } from '../../../emulator/abi/event-channel.ts';
import {
  GNTTAB_RESERVED,
  GTF,
  GTF_TRANSFER,
  GTF_TYPE,
  gnttab_map_grant_ref,
} from '../../../emulator/abi/grant-table.ts';
import { HYPERVISOR } from '../../../emulator/abi/xen.ts';
import type { EventReceiver, FrontendDomain } from '../../../emulator/devices/frontend.ts';
import { FrontendAccess } from '../../../emulator/hypervisor/backend-access.ts';
import { PROFILES } from '../../../emulator/hypervisor/domains/profile.ts';
import { NEVER } from '../../../emulator/hypervisor/domains/vcpu.ts';
import { BackendPorts } from '../../../emulator/hypervisor/events/backend-ports.ts';
import { isPending } from '../../../emulator/hypervisor/events/event-delivery.ts';
import type { Xen } from '../../../emulator/hypervisor/xen.ts';
import { aGuest, aXen, CODE, discrepancies, type Guest } from '../../support/granting-machine.ts';

const REF = 9;

let xen: Xen;
let ports: BackendPorts;
let guest: Guest;
let access: FrontendAccess;
let frontend: FrontendDomain;

beforeEach(() => {
  xen = aXen();
  ports = new BackendPorts(xen, PROFILES['xen-4.17']);
  guest = aGuest(xen);
  access = new FrontendAccess(xen, ports, guest.domain);
  // What devices ask for is what there is.
  frontend = access;
});

class Counter implements EventReceiver {
  events = 0;
  handleEvent(): void {
    this.events++;
  }
}

describe('a granted page', () => {
  beforeEach(() => guest.offer(REF, GTF_TYPE.permit_access, 0, guest.page(0).frame));

  test('is read and written where the guest has it, and shows in its table', () => {
    const page = frontend.mapGrant(REF, 'write');
    guest.write(guest.page(0).linear, Uint8Array.of(1, 2, 3, 4));
    expect([page?.read8(1), page?.read32(0)]).toEqual([2, 0x0403_0201]);
    page?.write32(4, 0xfeed_f00d);
    page?.write8(8, 0x55);
    page?.writeBytes(4094, Uint8Array.of(8, 9));
    expect(guest.read(guest.page(0).linear + 4, 5)).toEqual(
      Uint8Array.of(0x0d, 0xf0, 0xed, 0xfe, 0x55),
    );
    expect(page?.readBytes(4094, 2)).toEqual(Uint8Array.of(8, 9));
    expect(guest.flagsOf(REF)).toBe(GTF_TYPE.permit_access | GTF.reading | GTF.writing);
    expect(discrepancies(xen)).toEqual([]);
  });

  test('is free again when it is unmapped', () => {
    const page = frontend.mapGrant(REF, 'read');
    expect(guest.flagsOf(REF)).toBe(GTF_TYPE.permit_access | GTF.reading);
    frontend.unmapGrant(page as NonNullable<typeof page>);
    expect(guest.flagsOf(REF)).toBe(GTF_TYPE.permit_access);
    expect(() => page?.read8(0)).toThrow('has ended');
    expect(() => frontend.unmapGrant(page as NonNullable<typeof page>)).toThrow('unmapped twice');
    expect(discrepancies(xen)).toEqual([]);
  });

  test('is told to whoever listens, mapped and unmapped', () => {
    const told: string[] = [];
    xen.probes.on('grant', (event) => {
      if (event.kind === 'grant') {
        told.push(`${event.domain} ${event.action} ${event.granter} ${event.reference}`);
      }
    });
    const page = frontend.mapGrant(REF, 'read');
    frontend.unmapGrant(page as NonNullable<typeof page>);
    expect(told).toEqual(['0 mapped 1 9', '0 unmapped 1 9']);
  });

  test('that was mapped for reading is not written, and nothing beyond it is touched', () => {
    const page = frontend.mapGrant(REF, 'read');
    expect(() => page?.write8(0, 1)).toThrow('mapped for reading');
    expect(() => page?.read8(4096)).toThrow('leave the page');
    expect(() => page?.readBytes(4090, 7)).toThrow('leave the page');
  });

  test.each([
    ['a read-only one for writing', GTF_TYPE.permit_access | GTF.readonly, 0],
    ['one for somebody else', GTF_TYPE.permit_access, 1],
    ['none', GTF_TYPE.invalid, 0],
  ])('is refused: %s', (_what, flags, domid) => {
    guest.offer(REF, flags, domid, guest.page(0).frame);
    expect(frontend.mapGrant(REF, 'write')).toBeUndefined();
    expect(guest.flagsOf(REF)).toBe(flags);
  });

  test('beyond the table is refused, and so is a page table', () => {
    expect(frontend.mapGrant(0xffff_ffff, 'read')).toBeUndefined();
    guest.offer(REF, GTF_TYPE.permit_access, 0, guest.vcpu.baseFrame);
    expect(frontend.mapGrant(REF, 'write')).toBeUndefined();
    expect(frontend.mapGrant(REF, 'read')).toBeDefined();
  });

  test('is found by its handle after the machine was captured, by its own guest alone', () => {
    const page = frontend.mapGrant(REF, 'write');
    const { handle } = page as NonNullable<typeof page>;
    const image = ports.domain.capture();
    frontend.unmapGrant({ handle } as NonNullable<typeof page>);
    ports.domain.restore(image);
    guest.write(guest.page(0).linear, Uint8Array.of(0x31));
    expect(frontend.grantedPage(handle)?.read8(0)).toBe(0x31);
    expect(frontend.grantedPage(handle + 1)).toBeUndefined();
    const stranger = new FrontendAccess(xen, ports, aGuest(xen, { id: 2 }).domain);
    expect(stranger.grantedPage(handle)).toBeUndefined();
  });

  test('keeps other domains from nothing: they get their own refusal', () => {
    frontend.mapGrant(REF, 'write');
    const fields = { flags: 1, ref: REF, dom: guest.id };
    const answer = guest.grantOp('map_grant_ref', gnttab_map_grant_ref, fields);
    expect(answer.fields.status).toBe(-1);
  });
});

describe('the rings of the builder', () => {
  test('are offered in the reserved entries, and in use as soon as they are mapped', () => {
    expect([guest.flagsOf(0), guest.flagsOf(1)]).toEqual([1, 1]);
    const { CONSOLE, XENSTORE } = GNTTAB_RESERVED;
    const pages = [CONSOLE, XENSTORE].map((reference) => frontend.mapGrant(reference, 'write'));
    for (const [i, page] of pages.entries()) {
      page?.write32(1024, 0x100 + i);
    }
    const { consoleFrame, storeFrame } = guest.built;
    const words = [consoleFrame, storeFrame].map((frame) => xen.ram.read32(frame * 4096 + 1024));
    expect(words).toEqual([0x100, 0x101]);
    expect([guest.flagsOf(0), guest.flagsOf(1)]).toEqual([0x19, 0x19]);
    expect([...guest.domain.grants.active.keys()]).toEqual([CONSOLE, XENSTORE]);
    expect(discrepancies(xen)).toEqual([]);
  });

  test('are mapped without a grant as well, and held', () => {
    const { consoleFrame } = guest.built;
    const page = access.foreignPage(consoleFrame);
    page?.write32(3072, 7);
    expect(xen.ram.read32(consoleFrame * 4096 + 3072)).toBe(7);
    expect(discrepancies(xen)).toEqual([]);
    expect(xen.pages.pin(consoleFrame, guest.id, 1)).toBe(-22);
    access.unmapGrant(page as NonNullable<typeof page>);
    expect(discrepancies(xen)).toEqual([]);
  });

  test('are out of reach once they are page tables', () => {
    expect(access.foreignPage(guest.vcpu.baseFrame)).toBeUndefined();
    expect(access.foreignPage(0xff_ffff)).toBeUndefined();
  });
});

describe('an event channel', () => {
  const send = (port: number): number => {
    const bytes = new DataView(new ArrayBuffer(evtchn_send.size));
    evtchn_send.at(bytes).port = port;
    guest.write(CODE, new Uint8Array(bytes.buffer));
    return guest.call(HYPERVISOR.event_channel_op, EVTCHNOP.send, CODE);
  };

  test('tells the back-end once of many events, when it gets the processor', () => {
    const counter = new Counter();
    const { consolePort } = guest.built;
    const channel = frontend.bindInterdomain(consolePort, counter);
    expect(channel?.localPort).toBe(1);
    ports.deliver();
    expect(counter.events).toBe(1);
    expect([send(consolePort), send(consolePort)]).toEqual([0, 0]);
    expect(counter.events).toBe(1);
    expect(xen.backendAt).not.toBe(NEVER);
    xen.runBackends();
    expect(counter.events).toBe(2);
    xen.runBackends();
    expect(counter.events).toBe(2);
  });

  test('raises the guest’s event', () => {
    const { consolePort } = guest.built;
    const channel = frontend.bindInterdomain(consolePort, new Counter());
    expect(isPending(xen, guest.domain, consolePort)).toBe(false);
    channel?.notify();
    expect(isPending(xen, guest.domain, consolePort)).toBe(true);
  });

  test('is bound only to a port that waits for domain 0', () => {
    const { consolePort } = guest.built;
    frontend.bindInterdomain(consolePort, new Counter());
    expect(frontend.bindInterdomain(consolePort, new Counter())).toBeUndefined();
    expect(frontend.bindInterdomain(77, new Counter())).toBeUndefined();
    expect(frontend.bindInterdomain(9_999, new Counter())).toBeUndefined();
  });

  test('that is closed tells nobody any more, and can be bound again', () => {
    const counter = new Counter();
    const { storePort } = guest.built;
    const channel = frontend.bindInterdomain(storePort, counter);
    channel?.close();
    xen.runBackends();
    expect(counter.events).toBe(0);
    expect(send(storePort)).toBe(0);
    expect(frontend.bindInterdomain(storePort, counter)).toBeDefined();
  });

  test('is found by its port after the machine was captured, with what is queued', () => {
    const { storePort } = guest.built;
    const channel = frontend.bindInterdomain(storePort, new Counter());
    const localPort = channel?.localPort ?? 0;
    const image = ports.capture();
    ports.deliver();
    ports.restore(image);
    const counter = new Counter();
    expect(frontend.channel(localPort + 1, counter)).toBeUndefined();
    expect(frontend.channel(localPort, counter)).toBeDefined();
    ports.deliver();
    expect(counter.events).toBe(1);
  });
});

test('a page is given to a guest that waits for one, and to no other', () => {
  const taker = aGuest(xen, { id: 2, profile: 'xen-3.0', model: 'translated' });
  const page = taker.page(0);
  xen.frames.withdraw(page.machineFrame, taker.id);
  taker.offer(REF, GTF_TYPE.accept_transfer, 0, page.frame);
  const network = new FrontendAccess(xen, ports, taker.domain);
  expect(network.transfer(REF, Uint8Array.of(5, 6))).toBe(true);
  const { committed, completed } = GTF_TRANSFER;
  expect(taker.flagsOf(REF)).toBe(GTF_TYPE.accept_transfer | committed | completed);
  expect(taker.read(page.linear, 3)).toEqual(Uint8Array.of(5, 6, 0));
  expect(network.transfer(REF, Uint8Array.of(5, 6))).toBe(false);
  expect(discrepancies(xen)).toEqual([]);
});
