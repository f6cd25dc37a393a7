/** What Ringside adds to VS Code. Runs in Node.js and in a browser, so it asks VS Code for all. */

import * as vscode from 'vscode';
import { AdapterFactory } from './adapter/adapter-factory.ts';
import { noteHypercalls, registerCommands } from './commands.ts';
import { Consoles } from './consoles.ts';
import {
  DEBUG_TYPE,
  DISASSEMBLE_COMMAND,
  LISTING_SCHEME,
  SYNTAX_SETTING,
} from './contributions.ts';
import { Configurations } from './launch/configurations.ts';
import { ListingDocuments } from './listing-documents.ts';
import { MachineStatus } from './machine-status.ts';
import { registerSourceHelp } from './source-help.ts';
import { registerViews } from './views/register-views.ts';

export function activate(context: vscode.ExtensionContext): void {
  const { subscriptions, extensionUri } = context;
  registerViews(context);
  noteHypercalls();
  const documents = new ListingDocuments();
  const configurations = new Configurations();
  const consoles = new Consoles();
  subscriptions.push(
    documents,
    consoles,
    new MachineStatus(),
    ...registerCommands(consoles),
    ...registerSourceHelp(extensionUri),
    vscode.debug.registerDebugAdapterDescriptorFactory(
      DEBUG_TYPE,
      new AdapterFactory(extensionUri),
    ),
    vscode.debug.registerDebugConfigurationProvider(DEBUG_TYPE, configurations),
    vscode.debug.registerDebugConfigurationProvider(
      DEBUG_TYPE,
      configurations,
      vscode.DebugConfigurationProviderTriggerKind.Dynamic,
    ),
    vscode.workspace.registerTextDocumentContentProvider(LISTING_SCHEME, documents),
    vscode.languages.registerDocumentSymbolProvider({ scheme: LISTING_SCHEME }, documents),
    vscode.languages.registerDefinitionProvider({ scheme: LISTING_SCHEME }, documents),
    vscode.workspace.onDidCloseTextDocument((document) => documents.forget(document.uri)),
    vscode.workspace.onDidChangeConfiguration((event) =>
      event.affectsConfiguration(SYNTAX_SETTING) ? documents.rewrite() : undefined,
    ),
    vscode.commands.registerCommand(
      DISASSEMBLE_COMMAND,
      // The Explorer tells what was clicked and all that is selected, the palette nothing.
      async (clicked?: vscode.Uri, selected?: readonly vscode.Uri[]) => {
        const files = selected ?? (clicked === undefined ? await chosenFiles() : [clicked]);
        for (const file of files) {
          await documents.open(file);
        }
      },
    ),
  );
}

async function chosenFiles(): Promise<readonly vscode.Uri[]> {
  const files = await vscode.window.showOpenDialog({
    title: 'Disassemble an ELF file for the i386',
    openLabel: 'Disassemble',
  });
  return files ?? [];
}
