/** Sources of the program, and texts that are no files. */

import type { DebugProtocol as DAP } from '@vscode/debugprotocol';
import type { Debugging } from '../session/debugging.ts';
import { UserError } from '../user-error.ts';
import { sourceOf } from './stack.ts';

const MOST_SOURCES = 50_000;

export function sourceRequests(debugging: Debugging) {
  return {
    async source(args: DAP.SourceArguments): Promise<DAP.SourceResponse['body']> {
      const reference = args.source?.sourceReference ?? args.sourceReference;
      if (reference !== undefined && reference > 0) {
        return { content: debugging.textOf(reference), mimeType: 'text/x-c' };
      }
      const path = args.source?.path;
      if (path === undefined) {
        throw new UserError('A source needs a path or a reference.');
      }
      const bytes = await debugging.host.files.read(path);
      return { content: new TextDecoder('utf-8').decode(bytes) };
    },

    loadedSources(): DAP.LoadedSourcesResponse['body'] {
      const programs = [...debugging.run.debuggee.programs.values()];
      const sources = programs.flatMap((program) =>
        program.symbols.sourceFiles().map((file) => sourceOf(program, file)),
      );
      return { sources: sources.slice(0, MOST_SOURCES) };
    },

    modules({
      startModule = 0,
      moduleCount = 0,
    }: DAP.ModulesArguments): DAP.ModulesResponse['body'] {
      const programs = [...debugging.run.debuggee.programs.values()];
      const modules = programs.map(({ domain, file, kernel, symbols }) => ({
        id: domain,
        name: file.slice(file.lastIndexOf('/') + 1),
        path: file,
        symbolStatus: symbols.hasDebugInformation ? 'Lines, types and names' : 'Names only',
        addressRange: `0x${kernel.virtualStart.toString(16)}–0x${kernel.virtualEnd.toString(16)}`,
        ...(kernel.guestVersion === '' ? {} : { version: kernel.guestVersion }),
      }));
      const end = moduleCount > 0 ? startModule + moduleCount : modules.length;
      return { modules: modules.slice(startModule, end), totalModules: modules.length };
    },
  };
}
