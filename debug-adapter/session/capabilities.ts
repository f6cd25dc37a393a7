/** What the adapter can do, in the protocol's words. Each is answered by a request, and tested. */

import type { DebugProtocol as DAP } from '@vscode/debugprotocol';
import { COMMON_FIELDS, MACHINE_EVENTS } from '../debuggee/machine-events.ts';

/** How a breakpoint's address is meant, and in which domain. */
export const BREAKPOINT_MODES = [
  {
    mode: 'virtual',
    label: 'Virtual address, this domain',
    description: 'Stops at this virtual address in the domain that the program belongs to.',
    appliesTo: ['source', 'instruction', 'data'],
  },
  {
    mode: 'virtual-any',
    label: 'Virtual address, any domain',
    description: 'Stops at this virtual address whichever domain executes.',
    appliesTo: ['source', 'instruction', 'data'],
  },
  {
    mode: 'machine',
    label: 'Machine address',
    description:
      'Stops where this code is in the machine’s memory now, wherever it is mapped and whoever executes.',
    appliesTo: ['source', 'instruction', 'data'],
  },
] as const satisfies DAP.BreakpointMode[];

export type BreakpointMode = (typeof BREAKPOINT_MODES)[number]['mode'];

export const CAPABILITIES: DAP.Capabilities = {
  supportsConfigurationDoneRequest: true,
  supportsFunctionBreakpoints: true,
  supportsConditionalBreakpoints: true,
  supportsHitConditionalBreakpoints: true,
  supportsEvaluateForHovers: true,
  supportsSetVariable: true,
  supportsSetExpression: true,
  supportsGotoTargetsRequest: true,
  supportsStepInTargetsRequest: true,
  supportsCompletionsRequest: true,
  completionTriggerCharacters: ['.', '>', '$', ' '],
  supportsModulesRequest: true,
  supportsRestartRequest: true,
  supportsValueFormattingOptions: true,
  supportsExceptionInfoRequest: true,
  supportTerminateDebuggee: true,
  supportsDelayedStackTraceLoading: true,
  supportsLoadedSourcesRequest: true,
  supportsLogPoints: true,
  supportsTerminateRequest: true,
  supportsDataBreakpoints: true,
  supportsDataBreakpointBytes: true,
  supportsReadMemoryRequest: true,
  supportsWriteMemoryRequest: true,
  supportsDisassembleRequest: true,
  supportsCancelRequest: true,
  supportsBreakpointLocationsRequest: true,
  supportsClipboardContext: true,
  supportsSteppingGranularity: true,
  supportsInstructionBreakpoints: true,
  supportsExceptionFilterOptions: true,
  supportsSingleThreadExecutionRequests: true,
  breakpointModes: [...BREAKPOINT_MODES] as DAP.BreakpointMode[],
  exceptionBreakpointFilters: MACHINE_EVENTS.map(
    ({ id, label, description, fields, isDefault, example }) => ({
      filter: id,
      label,
      description,
      default: isDefault,
      supportsCondition: true,
      conditionDescription: `${
        example === '' ? 'An expression' : `For example: ${example}`
      }. Fields: ${[...fields, ...COMMON_FIELDS].map(({ name }) => name).join(', ')}.`,
    }),
  ),
};
