/** Plain data as lines of names and values, what is within indented. */

import { textOf } from '../values/data-nodes.ts';

export function descriptionLines(data: object, indent = ''): string[] {
  return Object.entries(data).flatMap(([name, value]): string[] => {
    if (value === undefined) {
      return [];
    }
    if (typeof value !== 'object' || value === null) {
      return [`${indent}${name}: ${textOf(value, name)}`];
    }
    if (Array.isArray(value) && value.every((item) => typeof item !== 'object')) {
      return [`${indent}${name}: ${value.map((item) => textOf(item, name)).join(' ')}`];
    }
    return [`${indent}${name}:`, ...descriptionLines(value, `${indent}  `)];
  });
}
