/**
 * A row of a tree, as plain data: what a view works out of the machine's answers before it becomes
 * something of VS Code's.
 */

import type {
  ArgumentsOf,
  BodyOf,
  CustomRequestName,
} from '../../debug-adapter/custom-requests.ts';

/** Sends a custom request; rejects with a sentence. */
export type Ask = <Name extends CustomRequestName>(
  name: Name,
  given: ArgumentsOf<Name>,
) => Promise<BodyOf<Name>>;

/** One of VS Code's own icons, in one of its own colours. */
export interface RowIcon {
  readonly name: string;
  readonly color?: string;
}

/** A function breakpoint that a check-box sets and removes. */
export interface EventBreakpoint {
  /** As the adapter knows events: `event-sent:5`. */
  readonly name: string;
  readonly condition?: string;
}

/** What the commands of a row act on. The kind is also what menus ask for. */
export type RowSubject =
  | { readonly kind: 'vcpu'; readonly domain: number; readonly vcpu: number }
  | { readonly kind: 'port'; readonly domain: number; readonly port: number }
  | { readonly kind: 'node'; readonly path: string; readonly value: string }
  | { readonly kind: 'place'; readonly domain: number; readonly address: number }
  | { readonly kind: 'frame'; readonly frame: number };

export interface Row {
  /** Unlike all others of its view, and the same at the next stop: what is open stays open. */
  readonly id: string;
  readonly label: string;
  /** Beside the label, in grey. */
  readonly description?: string | undefined;
  readonly icon?: RowIcon | undefined;
  /** Names and values, for the tooltip. */
  readonly details?: readonly Detail[] | undefined;
  /** A sentence above them. */
  readonly note?: string | undefined;
  readonly checkBox?: { readonly isChecked: boolean; readonly sets: EventBreakpoint } | undefined;
  readonly subject?: RowSubject | undefined;
  /** What is below it, or how to find out; absent: nothing. */
  readonly children?: readonly Row[] | (() => Promise<readonly Row[]>) | undefined;
  readonly isOpen?: boolean | undefined;
}

export type Detail = readonly [name: string, value: string];

/** As `adapter` finds machine events: those that stop at this moment. */
export type IsSet = (breakpoint: EventBreakpoint) => boolean;

/** Rows that were not asked for, because there are too many: they stand below one that says so. */
export function withRest(
  id: string,
  rows: readonly Row[],
  { first, total }: { readonly first: number; readonly total: number },
  more: (first: number) => Promise<readonly Row[]>,
): readonly Row[] {
  const next = first + rows.length;
  return rows.length === 0 || next >= total
    ? rows
    : [
        ...rows,
        {
          id: `${id}/from ${next}`,
          label: `${total - next} more`,
          icon: { name: 'ellipsis' },
          children: () => more(next),
        },
      ];
}
