/**
 * From what launch.json says to the configurations that a machine is made of: xl files are read,
 * paths begin at the folder, and domains are told apart by name and UUID.
 */

import { machineFor } from '../command-line/options.ts';
import { type MachineConfiguration, MEMORY_LIMITS } from '../configuration/configuration.ts';
import { UserError } from '../user-error.ts';
import type { DomainLaunch, LaunchConfiguration } from './launch-configuration.ts';
import type { SymbolFile } from './part-kinds.ts';
import { resolvePath } from './paths.ts';

/** One domain to make, all of its paths resolved. */
export interface LaunchedDomain {
  readonly configuration: MachineConfiguration;
  readonly symbols: readonly SymbolFile[];
}

export interface LaunchedMachine {
  readonly domains: readonly LaunchedDomain[];

  /** Sentences about settings of xl files that have no effect, with their places. */
  readonly warnings: readonly string[];
}

/**
 * `readText` reads an xl file; `resolve` says where a path of launch.json or of an xl file leads. Throws
 * a `UserError`.
 */
export async function launchedMachine(
  launch: LaunchConfiguration,
  readText: (path: string) => Promise<string>,
  resolve: (path: string) => string = (path) => resolvePath(path, launch.cwd),
): Promise<LaunchedMachine> {
  const domains: LaunchedDomain[] = [];
  const warnings: string[] = [];
  for (const [index, domain] of launch.domains.entries()) {
    const configured = await configurationOf(domain, readText, resolve);
    const symbols = domain.symbols.map((each) => ({ ...each, file: resolve(each.file) }));
    const uuid = configured.configuration.uuid ?? uuidOf(index + 1);
    domains.push({ configuration: { ...configured.configuration, uuid }, symbols });
    warnings.push(...configured.warnings);
  }
  refuseEqualDomains(launch.domains, domains);
  refuseTooMuchMemory(domains);
  return { domains, warnings };
}

async function configurationOf(
  { kernel, config, name, ...settings }: DomainLaunch,
  readText: (path: string) => Promise<string>,
  resolve: (path: string) => string,
): Promise<{ configuration: MachineConfiguration; warnings: readonly string[] }> {
  const file = resolve(config ?? kernel ?? '');
  const isConfiguration = config !== undefined;
  const text = isConfiguration ? await readText(file) : undefined;
  const options = {
    ...settings,
    trace: undefined,
    instructions: undefined,
    profile: settings.profile === 'auto' ? undefined : settings.profile,
    model: settings.model === 'auto' ? undefined : settings.model,
  };
  const { configuration, warnings } = machineFor(
    { kind: 'run', file, isConfiguration, options },
    text,
  );
  return {
    configuration: {
      ...configuration,
      name: name ?? configuration.name,
      kernel: resolve(configuration.kernel),
      ramdisk: configuration.ramdisk === undefined ? undefined : resolve(configuration.ramdisk),
      disks: configuration.disks.map((disk) => ({ ...disk, file: resolve(disk.file) })),
    },
    warnings:
      configuration.networks.length === 0
        ? warnings
        : [...warnings, `${file}: vif has no effect: there is no network back-end yet.`],
  };
}

/** Names a domain of which no other name is known, by its number. */
function uuidOf(domain: number): string {
  return `00000000-0000-0000-0000-${domain.toString(16).padStart(12, '0')}`;
}

function refuseEqualDomains(
  launches: readonly DomainLaunch[],
  domains: readonly LaunchedDomain[],
): void {
  for (const [index, { configuration }] of domains.entries()) {
    const { name, uuid } = configuration;
    const where = launches[index]?.where ?? '';
    const before = domains.slice(0, index).map((domain) => domain.configuration);
    const sameName = before.findIndex((other) => other.name === name);
    if (sameName >= 0) {
      throw new UserError(
        `"domains[${sameName}]" and "domains[${index}]" are both called ${JSON.stringify(name)}: ` +
          `write a different "${where}name".`,
      );
    }
    const sameUuid = before.findIndex((other) => other.uuid === uuid);
    if (sameUuid >= 0) {
      throw new UserError(
        `"domains[${sameUuid}]" and "domains[${index}]" both have the uuid ${uuid}: write a ` +
          `different one into the file that "${where}config" names.`,
      );
    }
  }
}

/** The limit of one domain is that of the machine. */
function refuseTooMuchMemory(domains: readonly LaunchedDomain[]): void {
  const sum = domains.reduce((memory, { configuration }) => memory + configuration.memory, 0);
  if (sum > MEMORY_LIMITS.most) {
    throw new UserError(
      `The "domains" together have ${sum} MiB of memory, but a machine has room for ` +
        `${MEMORY_LIMITS.most}: write a smaller "memory" for one.`,
    );
  }
}
