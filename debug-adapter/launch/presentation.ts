/** The declaration of launch.json as others want it: package.json's schema, snippets, a table. */

import type { JsonSchema } from './kind.ts';
import { domainProperties, machineProperties } from './launch-configuration.ts';
import { schemasOf } from './object-kind.ts';

const all = { ...domainProperties, ...machineProperties };

/** `configurationAttributes.launch` of package.json. */
export function launchSchema(): JsonSchema {
  return { properties: schemasOf(all) };
}

/** One launch configuration, as a user would begin with it. */
export const initialConfiguration = {
  type: 'ringside',
  request: 'launch',
  name: 'Run a guest kernel',
  kernel: '${workspaceFolder}/vmlinux',
} as const;

/** `configurationSnippets` of package.json: `${1:…}` are the places to fill in. */
export function launchSnippets(): readonly JsonSchema[] {
  const head = { type: 'ringside', request: 'launch' };
  const folder = '^"\\${workspaceFolder}/';
  return [
    {
      label: 'Ringside: Guest Kernel',
      description: 'Runs a paravirtual kernel and stops before its first instruction.',
      body: {
        ...{ ...head, name: 'Debug ${1:guest}', kernel: `${folder}\${2:vmlinux}"` },
        ...{ commandLine: '${3:console=hvc0}', memory: 128, stopOnEntry: true },
      },
    },
    {
      label: 'Ringside: Kernel with Ramdisk and Disk',
      description: 'Runs a paravirtual kernel that has something to mount.',
      body: {
        ...{ ...head, name: 'Debug ${1:guest}', kernel: `${folder}\${2:vmlinux}"` },
        ramdisk: `${folder}\${3:initrd.img}"`,
        commandLine: '${4:console=hvc0 root=/dev/xvda}',
        disks: [`${folder}\${5:root.img},xvda,overlay"`],
      },
    },
    {
      label: 'Ringside: xl Configuration',
      description: 'Runs the domain that an xl.cfg file describes.',
      body: { ...head, name: 'Debug ${1:guest}', config: `${folder}\${2:guest.cfg}"` },
    },
    {
      label: 'Ringside: Two Guests in One Machine',
      description: 'Runs two domains that can share pages and events.',
      body: {
        ...{ ...head, name: 'Debug ${1:both guests}' },
        domains: [
          { name: '${2:server}', kernel: `${folder}\${3:server.elf}"` },
          { name: '${4:client}', kernel: `${folder}\${5:client.elf}"` },
        ],
      },
    },
  ];
}

/** A table in Markdown: a row for each property. */
export function launchTable(): string {
  const rows = Object.entries(all).map(([name, { kind, text, unset }]) => {
    const unsetShown =
      unset === undefined || Array.isArray(unset) ? '' : `\`${JSON.stringify(unset)}\``;
    return [`\`${name}\``, typesShown(kind.type, kind.schema), unsetShown, text];
  });
  return table([['Property', 'Value', 'Unset', 'Meaning'], ...rows]);
}

function typesShown(type: string | readonly string[], schema: JsonSchema): string {
  const { enum: choices } = schema as { enum?: readonly string[] };
  return choices === undefined
    ? [type].flat().join(' or ')
    : choices.map((known) => `\`${known}\``).join(', ');
}

/** Columns as wide as their widest cell. */
function table([head = [], ...rows]: readonly (readonly string[])[]): string {
  const widths = head.map((_, column) =>
    Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
