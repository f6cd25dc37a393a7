/** What an operation of the hypervisor does, as a text to be stepped through: its stages with their rules. */

import type { StageMoment } from '../../emulator/hypervisor/probes.ts';
import type { VirtualSource } from '../session/debugging.ts';

const WIDTH = 88;

/** The text, and the line of each stage, counted from 1. */
export function stageSource({ name, stages }: StageMoment['operation']): {
  readonly source: VirtualSource;
  readonly lines: readonly number[];
} {
  const text: string[] = [`${name} {`];
  const lines: number[] = [];
  for (const [index, stage] of stages.entries()) {
    text.push('', ...wrapped(stage.rule, WIDTH - 7).map((line) => `    // ${line}`));
    text.push(`    ${index + 1}. ${stage.name};`);
    lines.push(text.length);
  }
  text.push('}', '');
  return { source: { name: `${name}.hypervisor`, text: text.join('\n') }, lines };
}

function wrapped(text: string, width: number): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const last = lines[lines.length - 1] ?? '';
    if (last !== '' && last.length + 1 + word.length > width) {
      lines.push(word);
    } else {
      lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
    }
  }
  return lines;
}
