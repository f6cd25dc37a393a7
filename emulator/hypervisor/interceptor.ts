/**
 * What a debugger decides while guests run: whether something is about to happen that it wants to stop
 * before. Asked at the last moment at which nothing of it has happened yet.
 *
 * Without one, each of these moments costs a look at a field.
 */

import type { Vcpu } from './domains/vcpu.ts';

export interface Interceptor {
  /** The guest has reached `int 0x82`: its registers hold number and arguments. */
  stopsBeforeHypercall(vcpu: Vcpu): boolean;
  /** An exception or software interrupt is about to enter a handler of the guest. */
  stopsBeforeTrap(vcpu: Vcpu, vector: number, errorCode: number | undefined): boolean;
  /** An upcall is due: it is made, the machine stops before it, or the guest goes on without it. */
  beforeUpcall(vcpu: Vcpu): 'enter' | 'stop' | 'hold';
}
