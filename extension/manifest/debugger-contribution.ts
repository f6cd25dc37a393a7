/** What package.json says of the debugger, as far as it follows from the declaration of launch.json. */

import type { JsonSchema } from '../../debug-adapter/launch/kind.ts';
import {
  initialConfiguration,
  launchSchema,
  launchSnippets,
  launchTable,
} from '../../debug-adapter/launch/presentation.ts';
import { SOURCE_LANGUAGES } from '../source-languages.ts';

/** `contributes.debuggers` of package.json. */
export function debuggerContribution(): JsonSchema {
  return {
    type: initialConfiguration.type,
    label: 'Ringside: Xen Guest Kernel',
    languages: SOURCE_LANGUAGES,
    configurationAttributes: { launch: launchSchema() },
    initialConfigurations: [initialConfiguration],
    configurationSnippets: launchSnippets(),
    strings: {
      unverifiedBreakpoints:
        'No code of the guest belongs to this line. Is it built with debug information, and does ' +
        '`sourceMap` in launch.json lead here?',
    },
  };
}

/** `contributes.breakpoints` of package.json. */
export const breakpointsContribution = (): readonly JsonSchema[] =>
  SOURCE_LANGUAGES.map((language) => ({ language }));

const BEGIN = '<!-- launch.json: written by npm run fix -->';
const END = '<!-- end of launch.json -->';

/** A document with the table of launch.json's properties between its two marks. */
export function withLaunchTable(document: string): string {
  const begin = document.indexOf(BEGIN);
  const end = document.indexOf(END);
  if (begin < 0 || end < begin) {
    throw new Error(`There is no place for the table: it stands between "${BEGIN}" and "${END}".`);
  }
  return `${document.slice(0, begin + BEGIN.length)}\n\n${launchTable()}\n\n${document.slice(end)}`;
}
