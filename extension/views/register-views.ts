/** The views on the machine that is being debugged, with their commands. Only public interfaces. */

import * as vscode from 'vscode';
import { registerPageTables } from '../page-tables/register-page-tables.ts';
import { DebuggedMachine } from './debugged-machine.ts';
import { deviceRows } from './device-rows.ts';
import { breakpointNames } from './event-breakpoints.ts';
import { eventChannelRows } from './event-channel-rows.ts';
import { eventCounts, eventFilterRows } from './event-filter-rows.ts';
import { grantRows } from './grant-rows.ts';
import { HypercallTraceRows } from './hypercall-trace.ts';
import { machineRows } from './machine-rows.ts';
import type { Row } from './row.ts';
import { type RowsOfView, RowsView, sentenceOf } from './rows-view.ts';
import { timeRows } from './time-rows.ts';
import {
  addNode,
  editNode,
  explainPort,
  goToCaller,
  removeNode,
  stopAtHypercall,
} from './view-commands.ts';
import { xenstoreRows } from './xenstore-rows.ts';

/** To be called once, when the extension is activated. */
export function registerViews(context: vscode.ExtensionContext): void {
  const machine = new DebuggedMachine();
  const trace = new HypercallTraceRows(machine);
  const view = (shown: RowsOfView): RowsView => new RowsView(machine, shown);

  const channels = view({ view: 'ringside.views.eventChannels', rows: eventChannelRows });
  const store = view({ view: 'ringside.views.xenstore', rows: xenstoreRows });
  const hypercalls = view(trace);
  const filters = view({
    view: 'ringside.views.machineEvents',
    rows: async (ask, isSet) => eventFilterRows(await eventCounts(ask), isSet, breakpointNames()),
    withoutMachine: (isSet) => eventFilterRows({}, isSet, breakpointNames()),
  });

  const command = (name: string, act: (row?: Row) => Promise<void>): vscode.Disposable =>
    vscode.commands.registerCommand(`ringside.views.${name}`, act);
  const tracing = (act: () => Promise<void>) => async (): Promise<void> => {
    try {
      await act();
    } catch (error) {
      hypercalls.tell(sentenceOf(error));
    }
  };
  const inStore = (sentence: string): void => store.tell(sentence);

  context.subscriptions.push(
    machine,
    channels,
    store,
    hypercalls,
    filters,
    view({ view: 'ringside.views.machine', rows: machineRows }),
    view({ view: 'ringside.views.grants', rows: grantRows }),
    view({ view: 'ringside.views.devices', rows: deviceRows }),
    view({ view: 'ringside.views.time', rows: timeRows }),
    vscode.debug.onDidChangeBreakpoints(() => {
      channels.refresh();
      filters.refresh();
    }),
    command('whyNotDelivered', (row) => explainPort(machine, row, (text) => channels.tell(text))),
    command('editNode', (row) => editNode(machine, row, inStore)),
    command('addNode', (row) => addNode(machine, row, inStore)),
    command('removeNode', (row) => removeNode(machine, row, inStore)),
    command('stopAtHypercall', stopAtHypercall),
    command('goToCaller', (row) => goToCaller(machine, row, (text) => hypercalls.tell(text))),
    command(
      'startTrace',
      tracing(() => trace.setTracing(true)),
    ),
    command(
      'stopTrace',
      tracing(() => trace.setTracing(false)),
    ),
    command(
      'clearTrace',
      tracing(() => trace.clear()),
    ),
    command('filterTrace', () => trace.askForFilter()),
    registerPageTables(context.extensionUri, machine),
  );
}
