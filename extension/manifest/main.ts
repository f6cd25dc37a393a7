/** `npm run fix`: writes into package.json and README.md what follows from declarations in code. */

import { readFileSync, writeFileSync } from 'node:fs';
import {
  breakpointsContribution,
  debuggerContribution,
  withLaunchTable,
} from './debugger-contribution.ts';

const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
manifest.contributes.debuggers = [debuggerContribution()];
manifest.contributes.breakpoints = breakpointsContribution();
writeFileSync('package.json', `${JSON.stringify(manifest, undefined, 2)}\n`);
writeFileSync('README.md', withLaunchTable(readFileSync('README.md', 'utf8')));
