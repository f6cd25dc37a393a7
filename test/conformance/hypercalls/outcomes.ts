/** How often each call had which outcome, and which of them never did what it is for. */

import { ERRNO } from '../../../emulator/abi/errno.ts';
import { nameOf } from '../../../emulator/abi/names.ts';

/** What no guest like these succeeds in, or what does not come back when it does. */
const REFUSED: readonly (readonly [names: RegExp, reason: string])[] = [
  [/ unknown$|^no hypercall$|^\w+$/, 'there is no such command, or no such call for a guest'],
  [/^(event_channel_op|event_channel_op_compat) bind_pirq$/, 'a guest has no devices'],
  [/^event_channel_op(_compat)? (expand_array|init_control|set_priority)$/, 'two-level ports only'],
  [/^event_channel_op_compat reset$/, 'newer than the older call'],
  [/^console_io [123]$/, 'a guest cannot read the console'],
  [/^grant_table_op dump_table$/, 'not for guests'],
  [/^memory_op (acquire_resource|claim_pages|paging_op|sharing_op|access_op)$/, 'not for guests'],
  [/^memory_op get_sharing_(freed|shared)_pages$/, 'not for guests'],
  [/^memory_op (machine_memory_map|get_vnumainfo|reserved_device_memory_map)$/, 'not for guests'],
  [/^memory_op (get|set)_pod_target$|_from_physmap$|_physmap_batch$/, 'not for these guests'],
  [/^physdev_op/, 'a guest has no devices'],
  [/^sched_op(_compat)? (shutdown|shutdown_code)$/, 'who succeeds is gone'],
  [/^sched_op(_compat)? (pin_override|remote_shutdown)$/, 'not for guests'],
  [/^sched_op_compat (poll|watchdog)$/, 'newer than the older call'],
  [/^mmuext_op (FLUSH_CACHE|FLUSH_CACHE_GLOBAL|MARK_SUPER|UNMARK_SUPER)$/, 'not for these guests'],
  [/^vcpu_op get_physid$|^xen_version build_id$/, 'not for guests'],
];

/** Errnos end here; what is below is an answer. */
const LAST_ERRNO = -4095;

export class Outcomes {
  readonly #counts = new Map<string, Map<string, number>>();

  count(name: string, outcome: string): void {
    let row = this.#counts.get(name);
    if (row === undefined) {
      row = new Map();
      this.#counts.set(name, row);
    }
    row.set(outcome, (row.get(outcome) ?? 0) + 1);
  }

  /** Names of calls that were made and never succeeded, though some guest can. */
  get neverSucceeded(): string[] {
    return [...this.#counts]
      .filter(([name, row]) => !(row.has('ok') || REFUSED.some(([names]) => names.test(name))))
      .map(([name]) => name)
      .sort();
  }

  /** A line for each call: its outcomes, the most frequent first. */
  lines(): string[] {
    return [...this.#counts]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, row]) => {
        const outcomes = [...row].sort(([, a], [, b]) => b - a);
        return `${name.padEnd(44)} ${outcomes.map(([what, n]) => `${what} ${n}`).join(', ')}`;
      });
  }
}

/** An answer as a word: `ok`, or the name of an errno. */
export function wordFor(answer: number): string {
  return answer < 0 && answer > LAST_ERRNO ? (nameOf(ERRNO, -answer) ?? `errno ${-answer}`) : 'ok';
}
