/**
 * One checked update of a page-table entry, stage by stage.
 *
 * What the table's frame is used for decides which rules hold; then the new entry is checked, what it
 * names gets a reference, it is written, and what the old entry named gets its reference back. A
 * refusal comes before anything has changed. Xen: mod_l1_entry(), mod_l2_entry(), mod_l3_entry().
 */

import { ERRNO } from '../../abi/errno.ts';
import { type Operation, runStages, type Stage } from '../stage.ts';
import { guestDirectoryEntries, hasAny, refusal, XEN_SLOT } from './domain-tables.ts';
import { FRAME_TYPE } from './frame-types.ts';
import { isPresent, TABLE_SHAPES } from './page-table-entry.ts';
import type { PageTypes } from './page-types.ts';
import {
  type EntryPlace,
  type EntryWords,
  isSimilar,
  read,
  type UpdateScope,
  withAccessed,
  write,
} from './table-entry.ts';

const PAGE = 4096;
const NOTHING: EntryWords = { low: 0, high: 0 };

/** What the stages work on. */
interface EntryUpdate {
  readonly types: PageTypes;
  readonly scope: UpdateScope;
  readonly place: EntryPlace;
  /** As the guest gave it, and what will be written. */
  entry: EntryWords;
  next: EntryWords;
  old: EntryWords;
  /** Of the table; 0: an ordinary page. */
  level: 0 | 1 | 2 | 3;
  index: number;
  /** The new entry names what the old one did, with the same rights. */
  isKept: boolean;
  /** 0 or a negative errno. */
  answer: number;
  readonly domain: number;
  readonly vcpu: number;
}

function refuse(update: EntryUpdate, answer: number): 'done' {
  update.answer = answer;
  return 'done';
}

const findRules: Stage<EntryUpdate> = {
  name: 'look at the type of the frame',
  rule: 'A live page table is changed by the rules of its level; a descriptor page not at all; what has no type now is an ordinary page.',
  run(update) {
    const { types, scope, place } = update;
    const { frames } = types;
    const type = frames.typeOf(place.table);
    if (type === FRAME_TYPE.writable || !frames.isLive(place.table, type)) {
      update.level = 0;
      return 'next';
    }
    switch (type) {
      case FRAME_TYPE.l1:
        update.level = 1;
        return 'next';
      case FRAME_TYPE.l2:
      case FRAME_TYPE.l3:
        update.level = type === FRAME_TYPE.l2 ? 2 : 3;
        return scope.frameOwner === scope.domain.id ? 'next' : refuse(update, -ERRNO.EINVAL);
      case FRAME_TYPE.none:
      case FRAME_TYPE.segdesc:
      case FRAME_TYPE.ldt:
        return refuse(update, -ERRNO.EINVAL);
    }
  },
};

const storePlainly: Stage<EntryUpdate> = {
  name: 'store to an ordinary page',
  rule: 'A frame that is no table takes any word, while it can be written at all.',
  run(update) {
    const { types, scope, place, entry, level } = update;
    if (level !== 0) {
      return 'next';
    }
    if (types.getType(place.table, FRAME_TYPE.writable) !== 0) {
      return refuse(update, -ERRNO.EINVAL);
    }
    write(types, scope.domain, place, entry);
    types.putType(place.table);
    return 'done';
  },
};

const spareXensSlots: Stage<EntryUpdate> = {
  name: 'spare the hypervisor’s slots',
  rule: 'Entries of a directory from HYPERVISOR_VIRT_START on, and the last pointer of a PAE root, are not the guest’s to change.',
  run(update) {
    const { types, scope, place, entry, level } = update;
    const { domain } = scope;
    if (level === 1) {
      return 'next';
    }
    update.index = (place.address % PAGE) / TABLE_SHAPES[domain.format].entrySize;
    if (level === 2) {
      const own = guestDirectoryEntries(domain, types.frames.slot[place.table] ?? 0);
      return update.index < own ? 'next' : refuse(update, refusal(domain.rules, ERRNO.EPERM));
    }
    if (update.index >= XEN_SLOT) {
      return refuse(update, -ERRNO.EINVAL);
    }
    const added = isPresent(entry.low) ? domain.rules.pointerAdded : 0;
    update.entry = { low: entry.low | added, high: entry.high };
    return 'next';
  },
};

const checkFlags: Stage<EntryUpdate> = {
  name: 'check flags',
  rule: 'A present entry has no bit that its level must not have. With PRESERVE_AD the accessed and dirty bits of the old entry stay.',
  run(update) {
    const { types, scope, place, entry, level } = update;
    const { rules } = scope.domain;
    update.old = read(types, scope.domain, place);
    update.next = scope.preservesAccessed ? withAccessed(entry, update.old) : entry;
    const isRefused =
      isPresent(entry.low) && hasAny(entry.low, entry.high, rules.disallowed[level as 1 | 2 | 3]);
    return isRefused ? refuse(update, -ERRNO.EINVAL) : 'next';
  },
};

const compare: Stage<EntryUpdate> = {
  name: 'compare with the old entry',
  rule: 'The same frame with the same rights needs no new reference.',
  run(update) {
    const { scope, entry, old, level } = update;
    const { rules } = scope.domain;
    const checked = level === 1 ? rules.checkedL1 : rules.checkedDirectory;
    update.isKept = isPresent(entry.low) && isSimilar(old, entry, checked, rules.frameHighMask);
    return 'next';
  },
};

const takeFrame: Stage<EntryUpdate> = {
  name: 'take the new frame',
  rule: 'The frame must be the domain’s (or the named foreigner’s), and of the type that the entry makes it: writable, or a table of the level below, validated as a whole.',
  run(update) {
    const { types, scope, place, entry, level, index, isKept } = update;
    if (!isPresent(entry.low) || isKept) {
      return 'next';
    }
    const { low, high } = entry;
    const answer =
      level === 1
        ? types.getFromL1(low, high, scope.domain, scope.frameOwner)
        : types.getFromDirectory(level as 2 | 3, low, high, scope.domain, place.table, index);
    return answer === 0 ? 'next' : refuse(update, answer);
  },
};

const writeEntry: Stage<EntryUpdate> = {
  name: 'write the entry',
  rule: 'From here on nothing can be refused.',
  run({ types, scope, place, next }) {
    write(types, scope.domain, place, next);
    return 'next';
  },
};

const giveBack: Stage<EntryUpdate> = {
  name: 'give back the old frame',
  rule: 'What the old entry named loses a reference; the last one ends its type. A change of a directory is a change of all it maps.',
  run({ types, scope, place, old, level, isKept }) {
    if (!isKept && level === 1) {
      types.putFromL1(old.low, old.high, scope.domain);
    } else if (!isKept) {
      types.putFromDirectory(old.low, old.high, scope.domain, place.table);
    }
    if (level !== 1) {
      types.tlb.flushAll();
    }
    return 'next';
  },
};

const MAPPING_STAGES = [checkFlags, compare, takeFrame, writeEntry, giveBack];

const updateFacts: Operation<EntryUpdate>['facts'] = (update) => {
  const { types, scope, place, next, level, isKept, answer } = update;
  const now = read(types, scope.domain, place);
  return {
    tableFrame: place.table,
    entryAddress: place.address,
    level,
    frameType: types.frames.typeOf(place.table),
    entry: entryValue(now),
    newEntry: entryValue(next),
    namesSameFrame: isKept ? 'yes' : 'no',
    answer,
  };
};

const entryValue = ({ low, high }: EntryWords): bigint =>
  (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);

const WORD_UPDATE: Operation<EntryUpdate> = {
  name: 'page-table update',
  facts: updateFacts,
  stages: [findRules, storePlainly, spareXensSlots, ...MAPPING_STAGES],
};

const MAPPING_UPDATE: Operation<EntryUpdate> = {
  name: 'mapping update',
  facts: updateFacts,
  stages: MAPPING_STAGES,
};

function perform(
  operation: Operation<EntryUpdate>,
  types: PageTypes,
  scope: UpdateScope,
  place: EntryPlace,
  entry: EntryWords,
): number {
  const update: EntryUpdate = {
    types,
    scope,
    place,
    entry,
    next: entry,
    old: NOTHING,
    level: 1,
    index: 0,
    isKept: false,
    answer: 0,
    domain: scope.domain.id,
    vcpu: 0,
  };
  runStages(operation, update, types.probes);
  return update.answer;
}

/** Changes a word of a frame that the domain owns, by the rules of what the frame is used for. */
export const updateWord = (
  types: PageTypes,
  scope: UpdateScope,
  place: EntryPlace,
  entry: EntryWords,
): number => perform(WORD_UPDATE, types, scope, place, entry);

/** Changes an entry of a live level-1 table. */
export const updateMapping = (
  types: PageTypes,
  scope: UpdateScope,
  place: EntryPlace,
  entry: EntryWords,
): number => perform(MAPPING_UPDATE, types, scope, place, entry);
