/** What Ringside adds to VS Code. Runs in Node.js and in a browser, so it asks VS Code for all. */

import * as vscode from 'vscode';
import { DISASSEMBLE_COMMAND, LISTING_SCHEME, SYNTAX_SETTING } from './contributions.ts';
import { ListingDocuments } from './listing-documents.ts';
import { registerViews } from './views/register-views.ts';

export function activate(context: vscode.ExtensionContext): void {
  const { subscriptions } = context;
  registerViews(context);
  const documents = new ListingDocuments();
  subscriptions.push(
    documents,
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
