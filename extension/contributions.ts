/** Names that package.json declares to VS Code and the code uses. */

export const DISASSEMBLE_COMMAND = 'ringside.disassemble';

/** Of documents that hold a listing. */
export const LISTING_SCHEME = 'ringside-disassembly';

/** Such a document is named for the file, with this behind it. */
export const LISTING_EXTENSION = '.disassembly';

export const SYNTAX_SETTING = 'ringside.disassembly.syntax';
