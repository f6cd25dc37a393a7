/** What an emulator must offer to be measured. */

/** After so long a run counts as failed. */
export const RUN_LIMIT_MS = 120_000;

/** What one run of a benchmark came to. */
export interface Measurement {
  /** Between the guest's two lines: time on the processor, or the clock's where a host tells none. */
  readonly seconds: number;
  readonly checksum: string;

  /** Retired in that time; `undefined` when the emulator does not count exactly. */
  readonly instructions: number | undefined;

  /** From the start of the process to the first sign of the guest, by the clock. */
  readonly startSeconds: number;

  /** At most resident in the emulator's processes, the guest's memory included. */
  readonly peakBytes: number | undefined;
}

export interface EngineDescription {
  /** For `--engines`; the tiers of one emulator share it. */
  readonly name: string;

  /** The head of a column. */
  readonly title: string;

  /** So slow that it gets short runs only, and none in a hurry. */
  readonly isInterpreter: boolean;

  /** Whether paravirtual guests run on it, so that acts of the hypervisor can be measured. */
  readonly isHypervisor: boolean;

  /** Why it cannot be measured here, with the cure; `undefined` when it can. */
  missing(): string | undefined;
  version(): string;
}

export interface Engine extends EngineDescription {
  /** Starts the emulator anew for each run. */
  run(benchmark: string, scale: number): Promise<Measurement>;

  /** Nanoseconds, inside the engine. */
  singleStep?(): Promise<number>;

  /** From the start of the process to GRUB's prompt. */
  grub?(): Promise<GrubStart>;
}

/** How long GRUB takes to ask for a command, by the clock. */
export interface GrubStart {
  readonly seconds: number;
  readonly instructions: number;
}
