// TEMPORARY stand-in until the grants branch lands
import type { Domain as D } from './domain.ts';
import { Domain } from './domain.ts';
import { raiseEvent } from './event-delivery.ts';
import { closePort, connectInterdomain } from './event-ports.ts';
import { PROFILES } from './profile.ts';
import type { Xen } from './xen.ts';
export class BackendAccess {
  xen: Xen;
  dom0: D;
  queue = new Set<number>();
  handlers = new Map<number, { handleEvent(): void }>();
  constructor(xen: Xen) {
    this.xen = xen;
    this.dom0 = new Domain({
      id: 0,
      name: 'Domain-0',
      profile: PROFILES['xen-4.17'],
      format: 'pae',
      model: 'direct',
      handle: new Uint8Array(16),
      vcpuCount: 0,
      maxPages: 0,
    });
    this.dom0.listener = (port) => {
      this.queue.add(port);
      xen.requestBackends();
    };
    xen.addDomain(this.dom0);
  }
  run(): void {
    const q = [...this.queue];
    this.queue.clear();
    for (const p of q) this.handlers.get(p)?.handleEvent();
  }
  foreignPage(frame: number) {
    const { ram } = this.xen;
    const base = frame * 4096;
    return {
      handle: frame,
      read8: (o: number) => ram.read8(base + o),
      read32: (o: number) => ram.read32(base + o),
      write8: (o: number, v: number) => ram.write8(base + o, v),
      write32: (o: number, v: number) => ram.write32(base + o, v >>> 0),
      readBytes: (o: number, l: number) => ram.bytes(base + o, l).slice(),
      writeBytes: (o: number, b: Uint8Array) => ram.load(base + o, b),
    };
  }
  frontend(domain: D) {
    const self = this;
    const { xen } = this;
    const chan = (port: number) => ({
      localPort: port,
      notify() {
        const c = self.dom0.events.at(port);
        if (c.state === 'interdomain') raiseEvent(xen, domain, c.remotePort);
      },
      close() {
        closePort(xen, self.dom0, port);
        self.handlers.delete(port);
      },
    });
    return {
      id: domain.id,
      mapGrant(ref: number) {
        const a = domain.grants.entryAddress(ref);
        if (a === undefined) return undefined;
        const f = domain.machineFrame(xen.ram.read32(a + 4));
        return f === undefined ? undefined : self.foreignPage(f);
      },
      unmapGrant() {},
      grantedPage: (h: number) => self.foreignPage(h),
      bindInterdomain(remotePort: number, r: { handleEvent(): void }) {
        const port = connectInterdomain(xen, self.dom0, domain, remotePort);
        if (port < 0) return undefined;
        self.handlers.set(port, r);
        return chan(port);
      },
      channel(port: number, r: { handleEvent(): void }) {
        self.handlers.set(port, r);
        return chan(port);
      },
    };
  }
  capture() {
    return { queue: [...this.queue] };
  }
  restore(i: { queue: number[] }): void {
    this.queue = new Set(i.queue);
  }
}
