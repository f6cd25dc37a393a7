/**
 * The xenstore nodes of a device as the toolstack makes and removes them.
 *
 * The guest owns its half, `device/<type>/<id>`, and may write it; of the back-end's half it may only
 * read. Each half names the other. Source: `libxl__device_generic_add` and `device_disk_add` in
 * `tools/libs/light`.
 */

import { readableBy, type StoreClient, type StorePermission, writeAll } from './store.ts';

/** Which device of which guest. Its back-end is always in domain 0. */
export interface DeviceAddress {
  readonly type: string;
  readonly domain: number;

  /** The number that names the directory; for a disk also its device number, such as 51712 for xvda. */
  readonly id: number;
}

/** The nodes of one half, in the order in which they are written. */
export type NodeValues = Readonly<Record<string, string | number>>;

export function frontendPath({ type, domain, id }: DeviceAddress): string {
  return `/local/domain/${domain}/device/${type}/${id}`;
}

export function backendPath({ type, domain, id }: DeviceAddress): string {
  return `/local/domain/0/backend/${type}/${domain}/${id}`;
}

/** Where the toolstack keeps what it believes of the device, which no guest can read. */
export function toolstackPath({ type, domain, id }: DeviceAddress): string {
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
  store: StoreClient,
  address: DeviceAddress,
  front: NodeValues,
  back: NodeValues,
): void {
  makeHalf(store, frontendPath(address), ownedByGuest(address.domain), {
    backend: backendPath(address),
    ...front,
  });
  makeHalf(store, backendPath(address), readableBy(address.domain), {
    frontend: frontendPath(address),
    ...back,
  });
  store.remove(toolstackPath(address));
  writeAll(store, toolstackPath(address), {
    frontend: frontendPath(address),
    backend: backendPath(address),
    ...back,
  });
}

export function removeDeviceNodes(store: StoreClient, address: DeviceAddress): void {
  removeWithEmptyParents(store, frontendPath(address));
  removeWithEmptyParents(store, toolstackPath(address));
  removeWithEmptyParents(store, backendPath(address));
}

/** The directory of a type of device goes with the last of that type (`libxl__xs_path_cleanup`). */
function removeWithEmptyParents(store: StoreClient, path: string): void {
  store.remove(path);
  const parent = path.slice(0, path.lastIndexOf('/'));
  if (parent !== '' && store.directory(parent).length === 0) {
    removeWithEmptyParents(store, parent);
  }
}

function makeHalf(
  store: StoreClient,
  directory: string,
  permissions: readonly StorePermission[],
  values: NodeValues,
): void {
  store.remove(directory);
  store.write(directory, '');
  store.setPermissions(directory, permissions);
  writeAll(store, directory, values);
}

/** The back-end's domain may read, though domain 0 may do so anyway: guests see the entry. */
function ownedByGuest(domain: number): readonly StorePermission[] {
  return [
    { access: 'n', domain },
    { access: 'r', domain: 0 },
  ];
}
