/**
 * The xenstore nodes of a domain beside its devices, as xl makes them.
 *
 * A domain may read its home, `/local/domain/<id>`, and write a few places in it: acknowledgements
 * in `control`, and directories of its own. Sources: `libxl__domain_make`, `libxl__build_post` and
 * `libxl__device_console_add` in `tools/libs/light`. Unlike xl, no time of start is written: a run
 * has none.
 */

import { XenbusState } from '../abi/io/xenbus.ts';
import {
  makeNode,
  type NodeValues,
  ownedBy,
  readableBy,
  type StoreClient,
  writeNode,
  writeNodes,
} from './store.ts';

/** What the toolstack knows of a domain that it has built. */
export interface DomainDescription {
  readonly id: number;
  readonly name: string;

  /** Names the domain among all that ever were: 36 characters. */
  readonly uuid: string;

  /** In KiB: what it may have at most, and what it is to have. */
  readonly memory: { readonly staticMax: number; readonly target: number };

  /** How many virtual processors it has, and how many of them are to be in use. */
  readonly vcpus: { readonly most: number; readonly online: number };

  /** What the builder loaded; for people and tools, not for the domain. */
  readonly image: {
    readonly kernel: string;
    readonly ramdisk?: string;
    readonly commandLine?: string;
  };
  readonly store: SharedPage;
  readonly console: SharedPage;
}

/** A page that the builder made for a ring, and the domain's port to it. */
interface SharedPage {
  readonly port: number;

  /** The machine frame: these pages are older than grants. */
  readonly frame: number;
}

/** What may be asked of a domain in `control/shutdown`. */
export type ShutdownRequest = 'poweroff' | 'reboot' | 'suspend' | 'halt' | 'crash';

/** Of what the console keeps for a user who comes late, in bytes. */
const CONSOLE_LIMIT = 1_048_576;

/** Which nodes a domain owns, from its home; `control` itself and `device` are not among them. */
const ownNodes = [
  'device/suspend/event-channel',
  'control/shutdown',
  'control/feature-poweroff',
  'control/feature-reboot',
  'control/feature-suspend',
  'control/sysrq',
  'data',
  'drivers',
  'feature',
  'attr',
  'error',
];

/** Makes all nodes of a domain but its devices. The store must know the domain already. */
export function makeDomainNodes(client: StoreClient, domain: DomainDescription): void {
  const home = homeOf(domain.id);
  removeDomainNodes(client, domain);
  for (const path of [home, vmPath(domain.uuid)]) {
    makeNode(client, path, readableBy(domain.id));
  }
  makeNode(client, toolstackHome(domain.id), ownedBy(0));
  writeNode(client, `${toolstackHome(domain.id)}/device`, '');
  writeNodes(client, home, { vm: vmPath(domain.uuid), name: domain.name });
  for (const directory of ['cpu', 'memory', 'device', 'control']) {
    writeNode(client, `${home}/${directory}`, '');
  }
  for (const name of ownNodes) {
    makeNode(client, `${home}/${name}`, ownedBy(domain.id));
  }
  writeNodes(client, vmPath(domain.uuid), { uuid: domain.uuid, name: domain.name });
  writeNodes(client, home, {
    'control/platform-feature-multiprocessor-suspend': 1,
    'control/platform-feature-xs_reset_watches': 1,
  });
  writeNode(client, `${toolstackHome(domain.id)}/type`, 'pv');
  writeNodes(client, home, builtNodes(domain));
  writeNodes(client, vmPath(domain.uuid), imageNodes(domain));
  makeConsoleNodes(client, domain);
}

/** Removes all nodes of a domain; its devices must have been removed before. */
export function removeDomainNodes(
  client: StoreClient,
  { id, uuid }: Pick<DomainDescription, 'id' | 'uuid'>,
): void {
  client.rm(`/local/domain/0/backend/console/${id}`);
  client.rm(homeOf(id));
  client.rm(vmPath(uuid));
  client.rm(toolstackHome(id));
}

/** Asks a domain to end or pause by itself. It acknowledges by emptying the node. */
export function requestShutdown(
  client: StoreClient,
  domain: number,
  request: ShutdownRequest,
): void {
  writeNode(client, `${homeOf(domain)}/control/shutdown`, request);
}

function builtNodes({ id, memory, store, vcpus }: DomainDescription): NodeValues {
  const availability = Array.from({ length: vcpus.most }, (_, vcpu) => [
    `cpu/${vcpu}/availability`,
    vcpu < vcpus.online ? 'online' : 'offline',
  ]);
  return {
    'memory/static-max': memory.staticMax,
    'memory/target': memory.target,
    'memory/videoram': 0,
    domid: id,
    'store/port': store.port,
    'store/ring-ref': store.frame,
    ...Object.fromEntries(availability),
  };
}

function imageNodes({ image }: DomainDescription): NodeValues {
  const { kernel, ramdisk, commandLine } = image;
  return {
    'image/ostype': 'linux',
    'image/kernel': kernel,
    ...(ramdisk === undefined ? {} : { 'image/ramdisk': ramdisk }),
    ...(commandLine === undefined ? {} : { 'image/cmdline': commandLine }),
  };
}

/** The first console is no xenbus device: it has no handshake, and its half stands in the home. */
function makeConsoleNodes(client: StoreClient, domain: DomainDescription): void {
  const { id, console: shared } = domain;
  const front = `${homeOf(id)}/console`;
  const back = `/local/domain/0/backend/console/${id}/0`;
  const description = {
    'frontend-id': id,
    online: 1,
    state: XenbusState.Initialising,
    protocol: 'vt100',
  };
  makeNode(client, front, readableBy(id));
  writeNode(client, `${front}/backend`, back);
  makeNode(client, `${front}/backend-id`, [`n${id}`, 'r0'], '0');
  writeNodes(client, front, {
    limit: CONSOLE_LIMIT,
    type: 'xenconsoled',
    output: 'pty',
    tty: '',
    port: shared.port,
    'ring-ref': shared.frame,
  });
  makeNode(client, back, readableBy(id));
  writeNodes(client, back, { frontend: front, ...description });
  writeNodes(client, `${toolstackHome(id)}/device/console/0`, {
    frontend: front,
    backend: back,
    ...description,
  });
}

const homeOf = (domain: number): string => `/local/domain/${domain}`;

const vmPath = (uuid: string): string => `/vm/${uuid}`;

/** What no domain may read. */
const toolstackHome = (domain: number): string => `/libxl/${domain}`;
