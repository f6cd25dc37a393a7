/** Structs that a guest shares with Xen, as trees of fields. */

import type { Description } from '../../../emulator/abi/description.ts';

export type SharedStructName =
  | 'shared_info'
  | 'vcpu_info'
  | 'vcpu_time_info'
  | 'vcpu_runstate_info'
  | 'start_info';

export interface SharedStructData {
  readonly name: SharedStructName;
  /** Machine address; absent of `vcpu_runstate_info`, which is worked out when it is asked for. */
  readonly address?: number | undefined;
  /** Bytes. */
  readonly size: number;
  readonly fields: Description;
  /** What a reader should know of it, such as that the guest may have reused the page. */
  readonly note?: string | undefined;
}
