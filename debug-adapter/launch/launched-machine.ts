/** From a launch configuration to a machine that is ready to run, with the names of its programs. */

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

export interface LaunchedMachine {
  readonly debuggee: Debuggee;
  /** What a user should know, a sentence each. */
  readonly warnings: readonly string[];
}

export async function launchMachine(
  configuration: LaunchConfiguration,
  host: SessionHost,
  output: MachineHost,
): Promise<LaunchedMachine> {
  const parts: DomainPart[] = [];
  for (const domain of configuration.domains) {
    parts.push(domainPart(domain, await prefetched(domain, host.files)));
  }
  const engine = await host.engine();
  const machine = new Machine({ domains: parts, engine }, output);
  const programs = new Map<number, Program>();
  const warnings: string[] = [];
  for (const [index, part] of parts.entries()) {
    const program = await programOf(index + 1, part, configuration, host.files);
    programs.set(program.domain, program);
    if (!program.symbols.hasDebugInformation) {
      warnings.push(
        `${part.kernelFile} has no debug information: lines and variables are not known. Build it with -g, or name a file that has some in "symbols".`,
      );
    }
    warnings.push(...program.symbols.problems.slice(0, MOST_PROBLEMS));
  }
  return { debuggee: new Debuggee(machine, programs), warnings };
}
const MOST_PROBLEMS = 5;

/** A file of symbols that was named stands in for what the kernel itself has. */
async function programOf(
  domain: number,
  { kernel, kernelFile }: DomainPart,
  { symbols: files, sourceMap }: LaunchConfiguration,
  source: AsyncFiles,
): Promise<Program> {
  const [file] = files;
  const elf =
    file === undefined ? kernel.elf : readElf(unwrapKernel(await source.read(file), file).elf);
  const symbols = ProgramSymbols.open(elf);
  return {
    ...{ domain, file: kernelFile, kernel, symbols },
    sources: new SourceMap(sourceMap, symbols),
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
