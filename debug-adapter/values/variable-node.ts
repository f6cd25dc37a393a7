/** Something with a name and a value, and perhaps others within: what scopes and values are shown as. */

export interface VariableNode {
  readonly name: string;
  readonly value: string;
  readonly type?: string | undefined;
  /** An expression that gives the same. */
  readonly evaluateName?: string | undefined;
  /** What lies behind it in memory. */
  readonly memoryReference?: string | undefined;
  /** What is within; asked only when the user wants to see it. */
  readonly children?: ((range?: ChildRange) => readonly VariableNode[]) | undefined;
  /** How many of them have numbers for names, so that a client may ask for some. */
  readonly indexedChildren?: number | undefined;
  /** Takes a new value as text. Throws a sentence. */
  readonly set?: ((text: string) => void) | undefined;
  /** Of children that can be set by name. */
  readonly isReadOnly?: boolean | undefined;
}

export interface ChildRange {
  readonly start: number;
  readonly count: number;
}

/** Numbers and texts as nodes that nobody can change. */
export function fact(name: string, value: string | number | bigint, type?: string): VariableNode {
  return { name, value: typeof value === 'string' ? value : factText(value), type };
}

/** Large numbers are addresses or words of bits; small ones are counted. */
export function factText(value: number | bigint): string {
  return value > 9999 || value < -9999 ? `0x${value.toString(16)}` : String(value);
}
