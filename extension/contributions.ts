/** Names that package.json declares to VS Code and the code uses. */

export const DISASSEMBLE_COMMAND = 'ringside.disassemble';

/** Of documents that hold a listing. */
export const LISTING_SCHEME = 'ringside-disassembly';

/** Such a document is named for the file, with this behind it. */
export const LISTING_EXTENSION = '.disassembly';

export const SYNTAX_SETTING = 'ringside.disassembly.syntax';

/** Of debuggers, in launch.json. */
export const DEBUG_TYPE = 'ringside';

/** What a user can have done while debugging; each pair turns something on and off. */
export const COMMANDS = {
  breakOnHypercalls: 'ringside.breakOnEveryHypercall',
  passHypercalls: 'ringside.passHypercalls',
  holdInterrupts: 'ringside.holdInterrupts',
  allowInterrupts: 'ringside.allowInterrupts',
  explainPort: 'ringside.explainPort',
  typeOnConsole: 'ringside.typeOnConsole',
  showConsole: 'ringside.showConsole',
  pickKernel: 'ringside.pickKernel',
} as const;

/** Of which `when` clauses ask. */
export const CONTEXTS = {
  breaksOnHypercalls: 'ringside.breaksOnHypercalls',
  holdsInterrupts: 'ringside.holdsInterrupts',
} as const;

export const SETTINGS = {
  showConsole: 'ringside.console.showOnStart',
  holdsInterrupts: 'ringside.stepping.holdInterrupts',
  inlineValues: 'ringside.inlineValues.enabled',
} as const;
