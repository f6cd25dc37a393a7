/** The tree that a C expression is read into: names are words here, and mean nothing yet. */

import type { BaseType } from '../symbols/c-type.ts';
import type { Literal } from './literals.ts';

interface At {
  /** Where errors about it point: from 0, in the text of the expression. */
  readonly position: number;
}

export const arithmeticOperators = ['+', '-', '*', '/', '%', '<<', '>>', '&', '^', '|'] as const;
export type ArithmeticOperator = (typeof arithmeticOperators)[number];

export const comparisonOperators = ['<', '>', '<=', '>=', '==', '!='] as const;
export type ComparisonOperator = (typeof comparisonOperators)[number];

export type BinaryOperator = ArithmeticOperator | ComparisonOperator;

/** A type as written: `struct task *[4]`. */
export type TypeName = At &
  (
    | { readonly kind: 'base'; readonly type: BaseType }
    | { readonly kind: 'void' }
    /** `u32`, `struct task`. */
    | { readonly kind: 'named'; readonly name: string }
    | { readonly kind: 'const' | 'volatile'; readonly target: TypeName }
    | { readonly kind: 'pointer'; readonly target: TypeName }
    | { readonly kind: 'array'; readonly element: TypeName; readonly count: number | undefined }
    | {
        readonly kind: 'function';
        readonly result: TypeName;
        readonly parameters: readonly TypeName[];
        readonly isVariadic: boolean;
      }
  );

/** A step of `offsetof(type, member.array[2])`. */
export type MemberStep = At &
  (
    | { readonly kind: 'member'; readonly name: string }
    | { readonly kind: 'index'; readonly index: number }
  );

export type Node = At &
  (
    | { readonly kind: 'literal'; readonly literal: Literal }
    /** Without the zero at its end. */
    | { readonly kind: 'text'; readonly bytes: readonly number[] }
    | { readonly kind: 'name'; readonly name: string }
    | { readonly kind: 'register'; readonly name: string }
    | { readonly kind: 'unary'; readonly operator: '+' | '-' | '~' | '!'; readonly operand: Node }
    | { readonly kind: 'dereference' | 'address'; readonly operand: Node }
    | {
        readonly kind: 'step';
        readonly operator: '+' | '-';
        readonly isPrefix: boolean;
        readonly operand: Node;
      }
    | {
        readonly kind: 'binary';
        readonly operator: BinaryOperator;
        readonly left: Node;
        readonly right: Node;
      }
    | {
        readonly kind: 'logical';
        readonly operator: '&&' | '||';
        readonly left: Node;
        readonly right: Node;
      }
    | {
        readonly kind: 'conditional';
        readonly test: Node;
        readonly then: Node;
        readonly otherwise: Node;
      }
    | { readonly kind: 'comma'; readonly left: Node; readonly right: Node }
    | {
        readonly kind: 'assignment';
        /** `undefined`: plain `=`. */
        readonly operator: ArithmeticOperator | undefined;
        readonly target: Node;
        readonly value: Node;
      }
    | { readonly kind: 'cast'; readonly type: TypeName; readonly operand: Node }
    | { readonly kind: 'size of type'; readonly type: TypeName }
    | { readonly kind: 'size of'; readonly operand: Node }
    | { readonly kind: 'offset of'; readonly type: TypeName; readonly path: readonly MemberStep[] }
    | {
        readonly kind: 'container of';
        readonly pointer: Node;
        readonly type: TypeName;
        readonly path: readonly MemberStep[];
      }
    | {
        readonly kind: 'member';
        readonly object: Node;
        readonly name: string;
        readonly isArrow: boolean;
      }
    | { readonly kind: 'index'; readonly array: Node; readonly index: Node }
    /** Both ends belong to it. */
    | { readonly kind: 'range'; readonly array: Node; readonly first: Node; readonly last: Node }
    | { readonly kind: 'repeat'; readonly object: Node; readonly count: Node }
    | { readonly kind: 'call'; readonly name: string; readonly arguments: readonly Node[] }
  );

/** `x` hexadecimal, `d` signed, `u` unsigned, `o` octal, `b` binary, `c` character, `s` text, `f` floating, `a` address. */
export const formatLetters = ['x', 'd', 'u', 'o', 'b', 'c', 's', 'f', 'a'] as const;
export type FormatLetter = (typeof formatLetters)[number];

/** How a value is to be shown: what stands behind the last commas of `expression,x`. */
export interface DisplayFormat {
  readonly letter?: FormatLetter;
  /** `,!`: members and numbers as they lie in memory, no names, no texts. */
  readonly isRaw?: boolean;
}

/** An expression that was read: it never changes, and may be evaluated any number of times. */
export interface Expression {
  readonly root: Node;
  readonly format: DisplayFormat;
  /** `,[n]`: how many elements to show of a pointer or an array. */
  readonly count: Node | undefined;
  readonly text: string;
  /** The text without its suffixes, from which the names of children are made. */
  readonly body: string;
}
