/** The debug adapter as a program of its own, as clients start it. */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { projectRoot } from '../../conformance/project-root.ts';

/** Bundles the program, below `out` so that it finds the packages it needs. Answers its path. */
export function buildAdapter(): string {
  const out = join(projectRoot(), 'out');
  mkdirSync(out, { recursive: true });
  const folder = mkdtempSync(join(out, 'clients-'));
  const options = ['--bundle', '--platform=node', '--format=esm', '--packages=external'];
  execFileSync(
    join(projectRoot(), 'node_modules/.bin/esbuild'),
    ['debug-adapter/main.ts', ...options, `--outfile=${join(folder, 'ringside.js')}`],
    { cwd: projectRoot(), stdio: ['ignore', 'ignore', 'pipe'] },
  );
  return join(folder, 'ringside.js');
}

export interface Server {
  readonly port: number;
  stop(): void;
}

/** Starts the program where it listens, on whatever port is free. */
export async function startServer(program: string): Promise<Server> {
  const child = spawn(process.execPath, [program, 'dap', '--port', '0'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  return { port: await announcedPort(child), stop: () => child.kill() };
}

function announcedPort(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let said = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      const [, port] = /listens on 127\.0\.0\.1:(\d+)/.exec(said) ?? [];
      if (port !== undefined) {
        resolve(Number(port));
      }
    });
    child.on('exit', () => reject(new Error(`The adapter ended: ${said}`)));
  });
}
