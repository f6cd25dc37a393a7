/**
 * Read-only documents that hold the listing of an ELF file.
 *
 * The address of a document names the file, so that one that was closed can be opened again.
 */

import * as vscode from 'vscode';
import type { Entry, Listing } from '../debug-adapter/disassembly/listing.ts';
import { loadLibrary } from './adapter/library.ts';
import { LISTING_EXTENSION, LISTING_SCHEME, SYNTAX_SETTING } from './contributions.ts';
import { runInSlices } from './slices.ts';

/** A browser's tab has not much more memory for all of VS Code. */
const LARGEST_FILE = 512 * 1024 * 1024;

const symbolKinds: Readonly<Record<Entry['kind'], vscode.SymbolKind>> = {
  code: vscode.SymbolKind.Module,
  function: vscode.SymbolKind.Function,
  label: vscode.SymbolKind.Key,
  object: vscode.SymbolKind.Variable,
};

export class ListingDocuments
  implements
    vscode.TextDocumentContentProvider,
    vscode.DocumentSymbolProvider,
    vscode.DefinitionProvider,
    vscode.Disposable
{
  readonly #extension: vscode.Uri;
  readonly #changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.#changed.event;
  /** Of documents that are open, by address. */
  readonly #listings = new Map<string, Listing>();

  constructor(extension: vscode.Uri) {
    this.#extension = extension;
  }

  dispose(): void {
    this.#changed.dispose();
  }

  /** Lists a file, anew if it is open, and shows the document. Says so when it cannot. */
  async open(file: vscode.Uri): Promise<void> {
    const uri = addressOf(file);
    if (await this.#write(uri)) {
      await vscode.window.showTextDocument(uri, { preview: false });
    }
  }

  /** Lists all files anew that are open. */
  async rewrite(): Promise<void> {
    for (const address of this.#listings.keys()) {
      await this.#write(vscode.Uri.parse(address, true));
    }
  }

  forget(uri: vscode.Uri): void {
    this.#listings.delete(uri.toString());
  }

  async provideTextDocumentContent(uri: vscode.Uri): Promise<string> {
    const known = this.#listings.get(uri.toString());
    if (known !== undefined) {
      return known.text;
    }
    const file = fileOf(uri);
    const listing = await listed(this.#extension, file);
    if (listing === undefined) {
      return `; The listing was cancelled. Disassemble ${nameOf(file)} again to see it.\n`;
    }
    this.#listings.set(uri.toString(), listing);
    return listing.text;
  }

  provideDocumentSymbols({ uri }: vscode.TextDocument): vscode.DocumentSymbol[] {
    return (this.#listings.get(uri.toString())?.entries ?? []).map(symbolOf);
  }

  /** Follows a jump or call, wherever in its line the cursor is. */
  provideDefinition(
    document: vscode.TextDocument,
    { line }: vscode.Position,
  ): vscode.DefinitionLink[] {
    const target = this.#listings.get(document.uri.toString())?.targetOf(line);
    const { text } = document.lineAt(line);
    const start = text.search(/(?<= )0x[0-9a-f]+(?: <.*>)?$/);
    if (target === undefined || start < 0) {
      return [];
    }
    const targetRange = document.lineAt(target).range;
    const originSelectionRange = new vscode.Range(line, start, line, text.length);
    return [{ originSelectionRange, targetUri: document.uri, targetRange }];
  }

  /** Answers whether there is a new listing; if not, the user knows. */
  async #write(uri: vscode.Uri): Promise<boolean> {
    try {
      const listing = await listed(this.#extension, fileOf(uri));
      if (listing === undefined) {
        return false;
      }
      this.#listings.set(uri.toString(), listing);
      this.#changed.fire(uri);
      if (listing.shortfall !== undefined) {
        void vscode.window.showWarningMessage(`${nameOf(fileOf(uri))}: ${listing.shortfall}`);
      }
      return true;
    } catch (error) {
      if (!(error instanceof CannotDisassemble)) {
        throw error;
      }
      void vscode.window.showErrorMessage(error.message);
      return false;
    }
  }
}

/** Why a file cannot be disassembled, in sentences for the user. */
class CannotDisassemble extends Error {
  override readonly name = 'CannotDisassemble';

  constructor(file: vscode.Uri, why: string) {
    super(`Cannot disassemble ${nameOf(file)}. ${why}`);
  }
}

/** `undefined` when the user cancels. */
async function listed(extension: vscode.Uri, file: vscode.Uri): Promise<Listing | undefined> {
  const library = await loadLibrary(extension);
  const { adviceFor, EDITOR_LIMIT, ElfError, list, readElf, SYNTAXES } = library;
  const bytes = await contentsOf(file);
  const syntax = SYNTAXES.find((name) => name === settingFor(file)) ?? SYNTAXES[0];
  const options = { name: nameOf(file), syntax, limit: EDITOR_LIMIT };
  try {
    return await runInSlices(`Disassembling ${nameOf(file)}`, list(readElf(bytes), options));
  } catch (error) {
    if (error instanceof ElfError) {
      throw new CannotDisassemble(file, `${error.message} ${adviceFor(bytes)}`);
    }
    throw error;
  }
}

async function contentsOf(file: vscode.Uri): Promise<Uint8Array> {
  try {
    const { size } = await vscode.workspace.fs.stat(file);
    if (size <= LARGEST_FILE) {
      return await vscode.workspace.fs.readFile(file);
    }
  } catch (error) {
    throw new CannotDisassemble(file, error instanceof Error ? error.message : String(error));
  }
  const most = `${LARGEST_FILE >> 20} MB`;
  throw new CannotDisassemble(
    file,
    `It has more than ${most}. Make a copy without debug information: objcopy --strip-debug.`,
  );
}

const settingFor = (file: vscode.Uri): unknown =>
  vscode.workspace.getConfiguration(undefined, file).get(SYNTAX_SETTING);

const addressOf = (file: vscode.Uri): vscode.Uri =>
  vscode.Uri.from({
    scheme: LISTING_SCHEME,
    path: file.path + LISTING_EXTENSION,
    query: file.toString(),
  });

const fileOf = ({ query }: vscode.Uri): vscode.Uri => vscode.Uri.parse(query, true);

const nameOf = ({ path }: vscode.Uri): string => path.slice(path.lastIndexOf('/') + 1);

function symbolOf({ name, kind, firstLine, lastLine, entries }: Entry): vscode.DocumentSymbol {
  const head = new vscode.Range(firstLine, 0, firstLine, name.length);
  const all = new vscode.Range(firstLine, 0, lastLine, Number.MAX_SAFE_INTEGER);
  const symbol = new vscode.DocumentSymbol(name, '', symbolKinds[kind], all, head);
  symbol.children = entries.map(symbolOf);
  return symbol;
}
