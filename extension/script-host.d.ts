/** What Node.js and the browser’s worker have alike and VS Code’s interface does not repeat. */

declare function setTimeout(callback: () => void, milliseconds: number): unknown;
declare function setInterval(callback: () => void, milliseconds: number): unknown;
declare function clearInterval(timer: unknown): void;

declare const performance: { now(): number };

/** Only Node.js has it. */
declare const process:
  | {
      readonly execPath: string;
      readonly versions: { readonly node?: string };
    }
  | undefined;
