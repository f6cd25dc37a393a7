/**
 * The conversation of Debian's GRUB (i386-xen) about its disk, as the trace of xenstored 4.17 on real
 * Xen recorded it; only repeated lines are left out. What it says is sent, what it was told must
 * come, with a tool stack and a back end that do what was done there.
 */

import { expect, test } from 'vitest';
import { traceLine } from '../../../emulator/xenstore/connection.ts';
import { Store } from '../../../emulator/xenstore/store.ts';
import { Guest, type Type } from './a-store.ts';

const recorded = `
IN DIRECTORY (device/vbd )
OUT DIRECTORY (51712 )
IN READ (device/vbd/51712/backend )
OUT READ (/local/domain/0/backend/vbd/1/51712)
IN READ (/local/domain/0/backend/vbd/1/51712/dev )
OUT READ (xvda)
IN READ (device/vbd/51712/backend-id )
OUT READ (0)
IN WRITE (device/vbd/51712/ring-ref 2)
OUT WRITE (OK )
IN WRITE (device/vbd/51712/event-channel 3)
OUT WRITE (OK )
IN WRITE (device/vbd/51712/protocol x86_32-abi)
OUT WRITE (OK )
IN WRITE (device/vbd/51712/state 3)
OUT WRITE (OK )
IN READ (/local/domain/0/backend/vbd/1/51712/state )
OUT READ (4)
IN READ (/local/domain/0/backend/vbd/1/51712/sectors )
OUT READ (32768)
IN READ (/local/domain/0/backend/vbd/1/51712/sector-size )
OUT READ (512)
`.trim();

test('GRUB talks about its disk as it did on real Xen', () => {
  const store = new Store();
  const frontend = '/local/domain/1/device/vbd/51712';
  const backend = '/local/domain/0/backend/vbd/1/51712';
  const tools = store.connect('tools', () => {});
  store.createDomain(1);
  const create = (folder: string, nodes: Record<string, string>, permissions: string[]) => {
    tools.mkdir(folder);
    tools.setPermissions(folder, permissions);
    for (const [name, value] of Object.entries(nodes)) {
      tools.write(`${folder}/${name}`, value);
    }
  };
  tools.mkdir('/local/domain/1');
  tools.setPermissions('/local/domain/1', ['n0', 'r1']);
  create(frontend, { backend, 'backend-id': '0', state: '1' }, ['n1', 'r0']);
  create(backend, { frontend, state: '2', dev: 'xvda', sectors: '32768' }, ['n0', 'r1']);

  const states: (string | undefined)[] = [];
  const disk = store.connect('vbd 51712', () => {
    states.push(disk.read(`${frontend}/state`));
    if (states.at(-1) === '3') {
      disk.write(`${backend}/sector-size`, '512');
      disk.write(`${backend}/state`, '4');
    }
  });
  disk.watch(`${frontend}/state`, 'state');

  const traced: string[] = [];
  const guest = new Guest(store, 1, (message) => traced.push(traceLine(message)));
  for (const [, type, payload = ''] of recorded.matchAll(/^IN (\w+) \((.*)\)$/gm)) {
    // The trace shows a NUL as a blank; GRUB sends none elsewhere.
    guest.ask(type as Type, payload.replace(' ', '\0'));
  }
  expect(traced.join('\n')).toBe(recorded);
  expect(states).toEqual(['1', '3']);
});
