/**
 * Where Bochs 2.7 is not followed: what a processor does instead, and what no one defines.
 *
 * "Processor" as a source means that the silicon oracle of this project shows it for the same
 * instruction in ring 3, on Intel processors; where the manual says so too, it is cited.
 */

/** The value that is right in place of Bochs's; `undefined`: the field must be absent. */
export interface Correction {
  readonly name: string;
  readonly field: string;
  readonly value: string | undefined;
  readonly source: string;
}

const RF_OF_FAULTS =
  'SDM 3A §6.8.3: fault-class exceptions other than instruction breakpoints push RF = 1';
const RF_IN_STRINGS =
  'SDM 3A §6.8.3: traps after an iteration that is not the last push RF = 1; processor';
const FLAGS_OF_STRINGS =
  'SDM 2B REP: a page fault restores EFLAGS to their state before the instruction; processor';
const POPA_COMMITS = 'Processor: POPA keeps the registers popped before the fault, ESP excepted';
const PROBES_THE_END =
  'Processor: the ends of the operand are probed before anything is stored; CR2 is its last byte';

export const CORRECTIONS: readonly Correction[] = [
  {
    name: 'interrupts/iret_stack_absent',
    field: 'vec',
    value: 'c',
    source: 'SDM 2A IRET, RETURN-TO-OUTER-PRIVILEGE-LEVEL: #SS(SS selector) if SS is not present',
  },
  { name: 'debug/guard_on_read', field: 'efl', value: '10002', source: RF_OF_FAULTS },
  { name: 'debug/guard_on_write', field: 'efl', value: '10002', source: RF_OF_FAULTS },
  {
    name: 'debug/step_rep_string',
    field: 'trap[0]',
    value: '1@code+9/10102/ffff4ff0',
    source: RF_IN_STRINGS,
  },
  {
    name: 'debug/step_rep_string',
    field: 'trap[1]',
    value: '1@code+9/10102/ffff4ff0',
    source: RF_IN_STRINGS,
  },
  {
    name: 'debug/write_by_rep_stos',
    field: 'trap[0]',
    value: '1@code+0/10002/ffff0ff1',
    source: RF_IN_STRINGS,
  },
  { name: 'atomic/repne_scas', field: 'efl', value: '108d7', source: FLAGS_OF_STRINGS },
  { name: 'atomic/repe_cmps', field: 'efl', value: '108d7', source: FLAGS_OF_STRINGS },
  { name: 'limits/ss_popal_crossing', field: 'edi', value: 'da000ff0', source: POPA_COMMITS },
  { name: 'limits/ss_popal_crossing', field: 'esi', value: 'da000ff4', source: POPA_COMMITS },
  { name: 'limits/ss_popal_crossing', field: 'ebp', value: 'da000ff8', source: POPA_COMMITS },
  {
    name: 'atomic/les',
    field: 'cr2',
    value: '245000',
    source: 'Processor: the offset is read before the selector',
  },
  { name: 'atomic/fnsave', field: 'cr2', value: '24504b', source: PROBES_THE_END },
  { name: 'atomic/fnsave', field: '[data+fe0]', value: 'da000fe0', source: PROBES_THE_END },
  { name: 'atomic/fxsave', field: 'cr2', value: '2451df', source: PROBES_THE_END },
];

/** Fields that neither the manual nor a processor at hand settles; they are not compared. */
export interface Unsettled {
  readonly names: RegExp;
  readonly fields: RegExp;
  readonly why: string;
}

export const UNSETTLED: readonly Unsettled[] = [
  {
    names: /^paging\/crossing_/,
    fields: /^\[2069/,
    why: 'SDM 3A §4.8 does not say whether an access that faults on its second page marks the first',
  },
  {
    names:
      /^paging\/(pae_)?region_(system_user_reads|read_only_user_writes|read_only_ring_0_writes_wp)$/,
    fields: /^\[20[59]/,
    why: 'SDM 3A §4.8 does not say whether a walk that ends in a fault marks the upper entries',
  },
  {
    names: /^segments\/marking_in_read_only_gdt$/,
    fields: /^cr2$/,
    why: 'Which bytes of a descriptor are written to mark it accessed is not said',
  },
];

/** Cases in which our processor stops with a reason instead of going on, by decision. */
export interface Stop {
  readonly names: RegExp;
  readonly why: string;
}

export const STOPS: readonly Stop[] = [
  {
    names: /^task-switch\//,
    why: 'Hardware task switches are not supported: whoever runs into one is told so',
  },
];
