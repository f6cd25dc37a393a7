/** Types as C writes them: `struct task *`, `int (*)(void *)`, `char [16]`. */

import type { CType, QualifiedType } from '../symbols/c-type.ts';

/** Debug information may have types that contain themselves. */
const MOST_LAYERS = 24;
const MOST_PARAMETERS = 16;

/** Without a name in it, as in a cast. */
export function typeText(type: CType): string {
  return written(type, '', MOST_LAYERS);
}

/** `declared` is what stands where a name would. */
function written(type: CType, declared: string, layers: number): string {
  if (layers === 0) {
    return before('…', declared);
  }
  switch (type.kind) {
    case 'base':
    case 'typedef':
      return before(type.name, declared);
    case 'void':
      return before('void', declared);
    case 'struct':
    case 'union':
    case 'enum':
      return before(`${type.kind} ${type.name ?? '{…}'}`, declared);
    case 'pointer':
      return written(type.target, `*${declared}`, layers - 1);
    case 'array':
      return written(type.element, `${grouped(declared)}[${type.count ?? ''}]`, layers - 1);
    case 'function':
      return written(
        type.result,
        `${grouped(declared)}(${parametersOf(type, layers)})`,
        layers - 1,
      );
    case 'const':
    case 'volatile':
    case 'restrict':
    case 'atomic':
      return qualified(type, declared, layers);
  }
}

/** Behind the star of a pointer, before all else. Of an array, the elements are what it qualifies. */
function qualified({ kind, target }: QualifiedType, declared: string, layers: number): string {
  const word = kind === 'atomic' ? '_Atomic' : kind;
  if (target.kind === 'pointer') {
    return written(target.target, `*${before(word, declared)}`, layers - 1);
  }
  const rest = written(target, declared, layers - 1);
  return target.kind === 'array' && elementOf(target).kind === kind ? rest : `${word} ${rest}`;
}

function elementOf(array: CType): CType {
  let element = array;
  for (let depth = 0; depth < MOST_LAYERS && element.kind === 'array'; depth++) {
    ({ element } = element);
  }
  return element;
}

function parametersOf(type: Extract<CType, { kind: 'function' }>, layers: number): string {
  const shown = type.parameters
    .slice(0, MOST_PARAMETERS)
    .map((each) => written(each, '', layers - 1));
  const isCut = type.parameters.length > MOST_PARAMETERS;
  const all = [...shown, ...(type.isVariadic || isCut ? ['...'] : [])];
  return all.length === 0 ? 'void' : all.join(', ');
}

const before = (word: string, declared: string): string =>
  declared === '' ? word : `${word} ${declared}`;

const grouped = (declared: string): string =>
  declared.startsWith('*') ? `(${declared})` : declared;
