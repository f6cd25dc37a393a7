/** What a reader of a guest's source may want to know of a hypercall: from the table that carries it out. */

import type { Hypercall } from '../emulator/hypervisor/hypercall.ts';
import { hypercalls } from '../emulator/hypervisor/hypercalls/index.ts';
import { refused } from '../emulator/hypervisor/hypercalls/refused.ts';

/** Of the names of sub-operations in Xen's headers, by the call that takes them. */
const PREFIXES: Readonly<Record<string, string>> = {
  callback_op: 'CALLBACKOP',
  console_io: 'CONSOLEIO',
  event_channel_op: 'EVTCHNOP',
  grant_table_op: 'GNTTABOP',
  memory_op: 'XENMEM',
  nmi_op: 'XENNMI',
  physdev_op: 'PHYSDEVOP',
  sched_op: 'SCHEDOP',
  vcpu_op: 'VCPUOP',
  xen_version: 'XENVER',
};

/** A description in Markdown of what a word of a source names; `undefined`: no hypercall. */
export function describeWord(word: string): string | undefined {
  const [, callName] = /^(?:__)?HYPERVISOR_(\w+)$/.exec(word) ?? [];
  if (callName !== undefined) {
    const call = hypercalls.find(({ name }) => name === callName);
    return call && describedCall(call);
  }
  for (const call of hypercalls) {
    const prefix = `${PREFIXES[call.name]}_`;
    const name = word.startsWith(prefix) ? word.slice(prefix.length) : undefined;
    const number = name === undefined ? undefined : call.commands?.[name];
    if (number !== undefined) {
      return describedCommand(call, word, number);
    }
  }
  return undefined;
}

function describedCall(call: Hypercall): string {
  const { name, number, parameters, commands } = call;
  const lines = [
    '```c',
    `HYPERVISOR_${name}(${parameters.join(', ')})`,
    '```',
    `Hypercall ${number}${refused.includes(call) ? ', which is not for such a domain: it is refused' : ''}.`,
  ];
  if (commands !== undefined && PREFIXES[name] !== undefined) {
    const names = Object.entries(commands).map(([each, value]) => `\`${each}\` ${value}`);
    lines.push('', `${PREFIXES[name]}\\_…: ${names.join(', ')}.`);
  }
  lines.push('', `Stop before it with the function breakpoint \`hypercall:${name}\`.`);
  return lines.join('\n');
}

function describedCommand(
  { name, number, operations }: Hypercall,
  word: string,
  command: number,
): string {
  const { fields = [] } = operations?.get(command)?.layout ?? {};
  return [
    '```c',
    `${word} = ${command}`,
    '```',
    `Sub-operation ${command} of hypercall ${number}, \`${name}\`.`,
    ...(fields.length === 0
      ? []
      : [`Its struct has ${fields.map((field) => `\`${field.name}\``).join(', ')}.`]),
    '',
    `Stop before it with the function breakpoint \`hypercall:${name}/${word.slice(word.indexOf('_') + 1)}\`.`,
  ].join('\n');
}
