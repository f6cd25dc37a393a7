/**
 * Tooltips as Markdown. Whatever comes from a guest is escaped: a node of xenstore must not become a
 * link or a picture.
 */

import type { Row } from './row.ts';

/** Longer values are cut: a tooltip is a glance. */
const LONGEST = 400;

export const escaped = (text: string): string =>
  text
    .slice(0, LONGEST)
    .replace(/[\\`*_{}[\]()#+\-.!|<>~&$]/g, '\\$&')
    .replace(/[\r\n]+/g, ' ');

/** Undefined: the row says it all. */
export function tooltipOf({ label, note, details = [] }: Row): string | undefined {
  if (note === undefined && details.length === 0) {
    return undefined;
  }
  const rows = details.map(([name, value]) => `| ${escaped(name)} | ${escaped(value)} |`);
  return [
    `**${escaped(label)}**`,
    ...(note === undefined ? [] : [escaped(note)]),
    ...(rows.length === 0 ? [] : [['| | |', '|:--|:--|', ...rows].join('\n')]),
  ].join('\n\n');
}
