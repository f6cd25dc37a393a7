/**
 * The xenstore nodes of a device as the toolstack makes and removes them.
 *
 * The guest owns its half, `device/<type>/<id>`, and may write it; of the back-end's half it may
 * only read. Each half names the other. Source: `libxl__device_generic_add` and `device_disk_add`
 * in `tools/libs/light`.
 */

import { makeNode, type NodeValues, readableBy, type StoreClient, writeNodes } from './store.ts';

/** Which device of which guest. Its back-end is always in domain 0. */
export interface DeviceAddress {
  readonly type: string;
  readonly domain: number;

  /**
   * The number that names the directory; for a disk also its device number, such as 51712 for xvda.
   */
  readonly id: number;
}

/** The guest's half. */
export function frontendPath({ type, domain, id }: DeviceAddress): string {
  return `/local/domain/${domain}/device/${type}/${id}`;
}

/** The half that domain 0 owns. */
export function backendPath({ type, domain, id }: DeviceAddress): string {
  return `/local/domain/0/backend/${type}/${domain}/${id}`;
}

/** Where the toolstack keeps what it believes of the device, which no guest can read. */
function toolstackPath({ type, domain, id }: DeviceAddress): string {
  return `/libxl/${domain}/device/${type}/${id}`;
}

/** Where a driver of domain 0 leaves the reason of its failure. */
export function errorPath({ type, domain, id }: DeviceAddress): string {
  return `/local/domain/0/error/backend/${type}/${domain}/${id}/error`;
}

/**
 * Makes both halves anew.
 *
 * @param front beside `backend`; the guest may change them
 * @param back beside `frontend`
 */
export function makeDeviceNodes(
  client: StoreClient,
  address: DeviceAddress,
  front: NodeValues,
  back: NodeValues,
): void {
  const names = { frontend: frontendPath(address), backend: backendPath(address) };
  client.rm(toolstackPath(address));
  writeNodes(client, toolstackPath(address), names);

  client.rm(names.frontend);
  // Domain 0 may read anyway, but guests see the entry.
  makeNode(client, names.frontend, [`n${address.domain}`, 'r0']);
  writeNodes(client, names.frontend, { backend: names.backend, ...front });

  client.rm(names.backend);
  makeNode(client, names.backend, readableBy(address.domain));
  writeNodes(client, names.backend, { frontend: names.frontend, ...back });
  writeNodes(client, toolstackPath(address), back);
}

export function removeDeviceNodes(client: StoreClient, address: DeviceAddress): void {
  removeWithEmptyParents(client, frontendPath(address));
  removeWithEmptyParents(client, toolstackPath(address));
  removeWithEmptyParents(client, backendPath(address));
}

/** The directory of a type of device goes with the last of that type (`libxl__xs_path_cleanup`). */
function removeWithEmptyParents(client: StoreClient, path: string): void {
  client.rm(path);
  const parent = path.slice(0, path.lastIndexOf('/'));
  if (parent !== '' && client.directory(parent)?.length === 0) {
    removeWithEmptyParents(client, parent);
  }
}
