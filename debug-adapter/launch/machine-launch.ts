/** From what launch.json says to a machine that is ready to run, with the names of its programs. */

import { readElf } from '../../emulator/image/elf.ts';
import { Machine } from '../../emulator/machine/machine.ts';
import type { DomainPart, MachineHost } from '../../emulator/machine/parts.ts';
import type { MachineConfiguration } from '../configuration/configuration.ts';
import { Debuggee } from '../debuggee/debuggee.ts';
import type { Program } from '../debuggee/program.ts';
import { SourceMap } from '../debuggee/source-map.ts';
import { unwrapKernel } from '../kernel-file/kernel-file.ts';
import { domainPart, type Files } from '../machine-files.ts';
import type { AsyncFiles, SessionHost } from '../session/session-host.ts';
import { ProgramSymbols } from '../symbols/program-symbols.ts';
import { UserError } from '../user-error.ts';
import type { LaunchConfiguration } from './launch-configuration.ts';
import { type LaunchedDomain, launchedMachine } from './launched-machine.ts';
import { findSources } from './source-search.ts';

export interface ReadyMachine {
  readonly debuggee: Debuggee;
  /** What a user should know, a sentence each. */
  readonly warnings: readonly string[];
}

const MOST_PROBLEMS = 5;

/** Throws a `UserError` for what cannot be read, and what cannot run. */
export async function launchMachine(
  launch: LaunchConfiguration,
  host: SessionHost,
  output: MachineHost,
): Promise<ReadyMachine> {
  const { files } = host;
  const readText = async (path: string) => new TextDecoder('utf-8').decode(await files.read(path));
  const { domains, warnings: fromFiles } = await launchedMachine(launch, readText);
  const warnings = [...fromFiles];
  const parts: DomainPart[] = [];
  const programs = new Map<number, Program>();
  for (const [index, domain] of domains.entries()) {
    const { configuration } = domain;
    const part = domainPart(configuration, await prefetched(configuration, files));
    const program = await programOf(index + 1, part, domain, launch, files);
    parts.push(part);
    programs.set(program.domain, program);
    warnings.push(...warningsOf(part, program, domain));
  }
  const machine = new Machine({ domains: parts, engine: await host.engine() }, output);
  return { debuggee: new Debuggee(machine, programs), warnings };
}

function warningsOf(
  { kernelFile }: DomainPart,
  { symbols }: Program,
  { symbols: named }: LaunchedDomain,
): string[] {
  const placed = named.filter(({ address }) => address !== undefined);
  return [
    ...(symbols.hasDebugInformation
      ? []
      : [
          `${kernelFile} has no debug information: lines and variables are not known. Build it with -g, or name a file that has some in "symbols".`,
        ]),
    ...placed.map(
      ({ file }) => `${file}: names of modules, which lie at an "address", are not read yet.`,
    ),
    ...symbols.problems.slice(0, MOST_PROBLEMS),
  ];
}

/** A file of symbols that was named stands in for what the kernel itself has. */
async function programOf(
  domain: number,
  { kernel, kernelFile }: DomainPart,
  { symbols: named }: LaunchedDomain,
  { sourceMap, cwd }: LaunchConfiguration,
  files: AsyncFiles,
): Promise<Program> {
  const own = named.find(({ address }) => address === undefined);
  const elf =
    own === undefined
      ? kernel.elf
      : readElf(unwrapKernel(await files.read(own.file), own.file).elf);
  const symbols = ProgramSymbols.open(elf);
  const found = await findSources(symbols.sourceFiles(), cwd, files);
  return {
    ...{ domain, file: kernelFile, kernel, symbols },
    sources: new SourceMap([...sourceMap, ...found], symbols),
  };
}

/** What a domain needs, read beforehand: parts are put together without waiting. */
async function prefetched(
  { kernel, ramdisk, disks }: MachineConfiguration,
  files: AsyncFiles,
): Promise<Files> {
  const contents = new Map<string, Uint8Array>();
  for (const path of [kernel, ramdisk]) {
    if (path !== undefined) {
      contents.set(path, await files.read(path));
    }
  }
  const opened = new Map<string, Awaited<ReturnType<AsyncFiles['openDisk']>>>();
  for (const { file, access } of disks) {
    opened.set(file, await files.openDisk(file, access === 'w'));
  }
  const present = <T>(map: ReadonlyMap<string, T>, path: string): T => {
    const found = map.get(path);
    if (found === undefined) {
      throw new UserError(`${path} was not read.`);
    }
    return found;
  };
  return {
    read: (path) => present(contents, path),
    openDisk: (path) => present(opened, path),
  };
}
