/** The way back from a number of the ABI to its name, for those who show it to a reader. */

/**
 * The name that a group of constants gives to `value`, the first where there are several.
 *
 *     nameOf(EVTCHNOP, 4) === 'send'
 */
export function nameOf<const Group extends Readonly<Record<string, number>>>(
  group: Group,
  value: number,
): (keyof Group & string) | undefined {
  return Object.keys(group).find((name) => group[name] === value);
}

/**
 * The names of the bits that are set in `value`; bits without a name stand at the end in hexadecimal.
 *
 *     flagNames(SIF, 3)      // ['PRIVILEGED', 'INITDOMAIN']
 *     flagNames(GTF_FLAGS, 0x1004) // ['readonly', '0x1000']
 */
export function flagNames(
  group: Readonly<Record<string, number>>,
  value: number,
): readonly string[] {
  const names = Object.keys(group).filter((name) => isSet(group[name] ?? 0, value));
  const named = names.reduce((bits, name) => bits | (group[name] ?? 0), 0);
  const rest = (value & ~named) >>> 0;
  return rest === 0 ? names : [...names, `0x${rest.toString(16)}`];
}

function isSet(mask: number, value: number): boolean {
  return mask !== 0 && (value & mask) >>> 0 === mask >>> 0;
}
