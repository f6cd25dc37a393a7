/** The command line of the comparison with objdump. */

import { parseArgs } from 'node:util';
import { natural, UsageError } from '../usage.ts';

export interface DisassemblyOptions {
  /** ELF files whose code is compared. */
  readonly files: readonly string[];
  readonly opcodes: boolean;
  /** How many bytes of noise. */
  readonly random: number;
  readonly seed: number;
  readonly print: (line: string) => void;
}

export function disassemblyOptions(
  args: readonly string[],
  print: (line: string) => void,
): DisassemblyOptions {
  const { values, positionals } = parse(args);
  const random = natural(values.random, '--random') ?? 0;
  const opcodes = values.opcodes ?? false;
  if (positionals.length === 0 && !opcodes && random === 0) {
    throw new UsageError('Which files?');
  }
  const seed = natural(values.seed, '--seed') ?? Number(process.hrtime.bigint() & 0xff_ffffn);
  return { files: positionals, opcodes, random, seed, print };
}

function parse(args: readonly string[]) {
  const options = {
    opcodes: { type: 'boolean' },
    random: { type: 'string' },
    seed: { type: 'string' },
  } as const;
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
