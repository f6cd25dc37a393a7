/**
 * `npm run vscode`: a real VS Code in the browser, with the extension and a guest to debug, for those who
 * have none or want theirs left alone. Another folder may be named behind it.
 */

import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import process from 'node:process';
import { startServer } from './editor.ts';
import { installEditor } from './install.ts';
import { sampleFolder } from './sample.ts';

const OPENERS: Readonly<Partial<Record<NodeJS.Platform, string>>> = {
  darwin: 'open',
  linux: 'xdg-open',
};

const [named] = process.argv.slice(2);
console.log('VS Code comes from the npm registry, about 500 MB the first time…');
const { url, stop } = await startServer({
  installed: installEditor(),
  folder: named === undefined ? sampleFolder() : resolve(named),
  host: 'node',
});
console.log(`VS Code is at ${url}\nPress F5 there. Ctrl+C here ends it.`);
const opener = OPENERS[process.platform];
if (opener !== undefined) {
  // Without a desktop there is nothing that opens it, and the address is printed all the same.
  spawn(opener, [url], { stdio: 'ignore', detached: true })
    .on('error', () => undefined)
    .unref();
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    stop();
    process.exit(0);
  });
}
