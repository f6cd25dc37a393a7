/**
 * Everything that launch.json may say about a machine, declared once.
 *
 * The type, the checks, package.json's schema, the snippets' keys and the table of the documentation
 * follow from the two declarations here. A machine has one domain, whose properties stand at the top,
 * or several, whose properties stand in `domains`.
 */

import {
  defaults,
  MEMORY_LIMITS,
  type MODELS,
  MOST_VCPUS,
  type Model,
  type Profile,
} from '../configuration/configuration.ts';
import { refuseTwoOfOneDevice } from '../configuration/disk-specification.ts';
import { UserError } from '../user-error.ts';
import {
  choice,
  either,
  flag,
  type Kind,
  list,
  optional,
  refined,
  text,
  textMap,
  type ValuesOf,
  wholeNumber,
  withDefault,
  words,
} from './kind.ts';
import { object, readProperties } from './object-kind.ts';
import { complaint, DISK_EXAMPLE, disk, file, network, symbolFile } from './part-kinds.ts';

const profiles: Kind<Profile | 'auto'> = choice({
  auto: 'The one that the kernel was made for.',
  'xen-3.0': 'Xen of May 2006, with calls that later ones gave up.',
  'xen-4.17': 'What 32-bit kernels find on a present 64-bit Xen.',
});

const models: Kind<Model> = choice({
  auto: 'As the kernel needs it.',
  direct: 'Page tables hold machine frames, and the hypervisor checks them.',
  translated: 'Page tables hold pseudo-physical frames, which the hypervisor translates.',
} satisfies Record<(typeof MODELS)[number], string>);

/** What a domain is. */
export const domainProperties = {
  kernel: optional(
    file("the guest kernel's file"),
    'The guest kernel: an ELF file, or a `bzImage` or `vmlinux.gz` with one inside.',
    ['program', 'image', 'executable', 'vmlinux'],
  ),
  config: optional(
    file('an xl configuration file'),
    'An `xl` configuration file in place of `kernel`; what launch.json says counts more.',
    ['cfg', 'xl', 'configFile'],
  ),
  ramdisk: optional(file('a ramdisk'), "The kernel's initial ramdisk.", ['initrd', 'initramfs']),
  commandLine: optional(text, "The kernel's command line.", [
    ...['cmdline', 'args', 'append', 'bootargs', 'extra'],
  ]),
  memory: optional(
    wholeNumber(MEMORY_LIMITS.least, MEMORY_LIMITS.most, 'MiB'),
    `Memory in MiB; ${defaults.memory} if nothing says more.`,
    ['mem', 'ram', 'maxmem'],
  ),
  vcpus: optional(
    wholeNumber(1, MOST_VCPUS),
    `Virtual processors; ${defaults.vcpus} if nothing says more.`,
    ['cpus', 'smp', 'cores', 'processors'],
  ),
  disks: withDefault(
    refined(list(disk, `a list of disks, each ${DISK_EXAMPLE} or an object`), (disks, key) => {
      refuseTwoOfOneDevice(disks, (index, sentence) => complaint(`${key}[${index}]`, sentence));
      return disks;
    }),
    [],
    'Raw images as virtual disks, each `"FILE,DEVICE[,ACCESS]"` or an object. What the domain ' +
      'writes is forgotten at the end unless `access` is `w`.',
    ['disk', 'drives', 'drive', 'hda'],
  ),
  networks: withDefault(
    list(network, 'a list of network cards, each an object'),
    [],
    'Network cards. There is no network back-end yet, so the list has to be empty.',
    ['network', 'vif', 'nics', 'net'],
  ),
  profile: withDefault(profiles, 'auto', 'The Xen that the kernel finds.', ['xen']),
  model: withDefault(models, 'auto', "What the kernel's page tables hold.", ['memoryModel']),
  symbols: withDefault(
    list(symbolFile, 'a list of ELF files, each a path or an object with "file" and "address"'),
    [],
    'ELF files with debug information beside the kernel: its unstripped form, or modules, ' +
      'each a path or an object with `file` and `address`.',
    ['symbolFile', 'symbolFiles', 'debugInfo', 'symbol'],
  ),
} as const;

const namedDomainProperties = {
  name: optional(words('a name for the domain'), 'What the domain is called.'),
  ...domainProperties,
};

const domain = object(namedDomainProperties, 'an object with "kernel" or "config"');

/** Where what domains print goes, and where is typed. */
export const CONSOLES = ['terminal', 'debugConsole'] as const;
export type Console = (typeof CONSOLES)[number];

const consoles: Kind<Console> = choice({
  terminal: 'Each domain has a terminal of its own.',
  debugConsole: 'In the debug console, where nothing can be typed to the domain.',
} satisfies Record<Console, string>);

/** What the machine is, and how it is looked at. */
export const machineProperties = {
  domains: withDefault(
    list(domain, 'a list of domains, each an object with "kernel" or "config"'),
    [],
    'Several guests in one machine: a list of objects with the properties of a domain, from ' +
      '`kernel` to `symbols`, and a `name`.',
    ['guests', 'machines'],
  ),
  cwd: optional(
    file('a folder'),
    'The folder that relative paths begin at; without it, that of the workspace.',
    ['workingDirectory', 'workingDir', 'directory'],
  ),
  sourceMap: withDefault(
    textMap('an object such as { "/build/linux": "${workspaceFolder}" }'),
    [],
    'Where sources are now that were elsewhere when the kernel was built: beginnings of paths.',
    ['sourceFileMap', 'pathMapping', 'pathMappings', 'sourceMaps', 'substitutePath'],
  ),
  stopOnEntry: withDefault(flag, false, "Stops before the kernel's first instruction.", [
    'stopAtEntry',
    'breakOnEntry',
  ]),
  console: optional(
    consoles,
    'Where the consoles of the domains are; in VS Code `terminal` if nothing is said, ' +
      'elsewhere `debugConsole`.',
    ['internalConsole', 'terminal'],
  ),
  trace: withDefault(
    either(flag, file('a file to write')),
    false,
    'Writes each hypercall as a line of JSON: to the debug console, or to a file that is named.',
    ['log', 'logFile'],
  ),
} as const;

/** What is said of one domain, unset values filled in. */
export type DomainLaunch = ValuesOf<typeof namedDomainProperties> & {
  /** Where it stands in launch.json, to stand before a key: empty, or `domains[1].` */
  readonly where: string;
};

/** What launch.json says, checked. Paths are as they were written: `resolvePath`. */
export type LaunchConfiguration = Omit<ValuesOf<typeof machineProperties>, 'domains'> & {
  /** At least one. */
  readonly domains: readonly [DomainLaunch, ...DomainLaunch[]];
};

/**
 * What DAP, VS Code and other clients put beside the properties of an adapter: `dap-mode` sends its
 * own settings along.
 */
const clientKeys = [
  ...['type', 'request', 'name', 'noDebug', 'presentation', 'internalConsoleOptions'],
  ...['preLaunchTask', 'postDebugTask', 'debugServer', 'serverReadyAction', 'host', 'hostName'],
  ...['port', 'debugPort', 'suppressMultipleSessionWarning', 'windows', 'osx', 'linux'],
  ...['program-to-start', 'wait-for-port', 'skip-debug-session', 'startFunction'],
  ...['environment-variables', 'output-filter-function', 'cleanup-function'],
];

const isForClient = (key: string): boolean =>
  clientKeys.includes(key) || key.startsWith('__') || key.startsWith('dap-');

/**
 * Checks the arguments of a launch request. Throws a `UserError` with a sentence that names the key,
 * what is wrong with it and what to write.
 */
export function validateLaunch(written: unknown): LaunchConfiguration {
  if (typeof written !== 'object' || written === null || Array.isArray(written)) {
    throw new UserError('The launch request has no arguments: write an object with a "kernel".');
  }
  const all = { ...machineProperties, ...domainProperties };
  const values = readProperties(all, written, '', isForClient);
  const { domains, cwd, sourceMap, stopOnEntry, console, trace, ...single } = values;
  const [first, ...others] = Object.hasOwn(written, 'domains')
    ? severalDomains(written, domains)
    : [{ ...single, name: undefined, where: '' }];
  if (first === undefined) {
    throw new UserError('"domains" is empty: write an object with "kernel" for each domain.');
  }
  for (const each of [first, ...others]) {
    checkDomain(each);
  }
  checkNames([first, ...others]);
  return { domains: [first, ...others], cwd, sourceMap, stopOnEntry, console, trace };
}

function severalDomains(
  written: object,
  domains: readonly ValuesOf<typeof namedDomainProperties>[],
): DomainLaunch[] {
  const besides = Object.keys(domainProperties).find(
    (key) => (written as Record<string, unknown>)[key] !== undefined,
  );
  if (besides !== undefined) {
    throw new UserError(
      `"${besides}" stands beside "domains": write it into each domain that it is about.`,
    );
  }
  return domains.map((each, index) => ({ ...each, where: `domains[${index}].` }));
}

function checkDomain({ kernel, config, networks, where }: DomainLaunch): void {
  if (kernel === undefined && config === undefined) {
    throw new UserError(
      where === ''
        ? 'There is no "kernel": write the path of a guest kernel, or of an xl file as "config".'
        : `"${where.slice(0, -1)}" has no "kernel": write the path of a guest kernel, or of an xl ` +
            'file as "config".',
    );
  }
  if (kernel !== undefined && config !== undefined) {
    throw new UserError(
      `"${where}kernel" stands beside "${where}config", which names a kernel too: write one of them.`,
    );
  }
  if (networks.length > 0) {
    throw new UserError(
      `"${where}networks" has a card, but there is no network back-end yet: write an empty list.`,
    );
  }
}

function checkNames(domains: readonly DomainLaunch[]): void {
  const names = new Map<string, string>();
  for (const { name, where } of domains) {
    const other = name === undefined ? undefined : names.get(name);
    if (other !== undefined) {
      throw new UserError(
        `"${where}name" is ${JSON.stringify(name)} as "${other}name" is: write different names.`,
      );
    }
    if (name !== undefined) {
      names.set(name, where);
    }
  }
}
