/** The script of the page: asks the extension, shows the address space, walks addresses. */

import { counted } from '../../views/figures.ts';
import { COLUMNS, mapRows } from '../map-rows.ts';
import { type Explanation, mappingsExplanation, walkExplanation } from '../map-text.ts';
import { OpenTree } from '../open-tree.ts';
import type { AskPage, ExportFormat, FromPage, ToPage, VcpuChoice } from '../page-messages.ts';
import { TreeWindow } from './tree-window.ts';

declare function acquireVsCodeApi(): { postMessage(message: FromPage): void };

const host = acquireVsCodeApi();

// ---- questions to the extension

interface Waiting {
  resolve(body: never): void;
  reject(error: Error): void;
}
const waiting = new Map<number, Waiting>();
let lastId = 0;

function question(message: (id: number) => FromPage): Promise<never> {
  const id = ++lastId;
  return new Promise((resolve, reject) => {
    waiting.set(id, { resolve, reject });
    host.postMessage(message(id));
  });
}

const ask: AskPage = (name, given) => question((id) => ({ kind: 'ask', id, name, given }));

// ---- the page

function element<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) {
    throw new Error(`The page has no ${id}.`);
  }
  return found;
}

const choices = element('vcpu', HTMLSelectElement);
const addressField = element('address', HTMLInputElement);
const access = element('access', HTMLSelectElement);
const explanation = element('explanation', HTMLElement);
const sentence = element('sentence', HTMLElement);
const summary = element('summary', HTMLElement);
const model = new OpenTree();
const tree = new TreeWindow(
  {
    tree: element('tree', HTMLElement),
    space: element('space', HTMLElement),
    window: element('window', HTMLElement),
  },
  model,
  say,
);

element('head', HTMLElement).append(
  ...COLUMNS.map((name) => {
    const cell = document.createElement('span');
    cell.className = 'cell';
    cell.textContent = name;
    return cell;
  }),
);

/** One sentence in place of what cannot be shown; undefined takes it away. */
function say(problem: unknown): void {
  const text = problem instanceof Error ? problem.message : (problem as string | undefined);
  sentence.textContent = text ?? '';
  sentence.hidden = text === undefined;
}

function explain({ heading, lines }: Explanation): void {
  explanation.hidden = false;
  explanation.querySelector('h2')!.textContent = heading;
  explanation.querySelector('ol')!.replaceChildren(
    ...lines.map((line) => {
      const item = document.createElement('li');
      item.textContent = line;
      return item;
    }),
  );
}

function chosen(): VcpuChoice | undefined {
  const [domain, vcpu] = choices.value.split(' ').map(Number);
  return domain === undefined || vcpu === undefined || choices.value === ''
    ? undefined
    : { domain, vcpu };
}

/** As the machine is now: the address spaces to choose from. Answers which of them are PAE. */
async function lookAtMachine(): Promise<ReadonlyMap<number, boolean>> {
  const { domains } = await ask('ringside/machine', {});
  const guests = domains.filter(({ role }) => role === 'guest');
  const options = guests.flatMap(({ id, name, vcpus }) =>
    vcpus
      .filter(({ isInitialised }) => isInitialised)
      .map((vcpu) => ({ value: `${id} ${vcpu.id}`, text: `${name} (d${id}) vCPU ${vcpu.id}` })),
  );
  const before = choices.value;
  if (
    options.map(({ text }) => text).join() !== [...choices.options].map(({ text }) => text).join()
  ) {
    choices.replaceChildren(...options.map(({ value, text }) => new Option(text, value)));
    choices.value = options.some(({ value }) => value === before)
      ? before
      : (options[0]?.value ?? '');
  }
  return new Map(guests.map(({ id, tableFormat }) => [id, tableFormat === 'pae']));
}

let isLooking = false;
let isOld = false;

/** All anew, and once more if something changed meanwhile. */
async function look(): Promise<void> {
  if (isLooking) {
    isOld = true;
    return;
  }
  isLooking = true;
  try {
    do {
      isOld = false;
      const formats = await lookAtMachine();
      const choice = chosen();
      if (choice === undefined) {
        throw new Error('No virtual processor of a guest has been brought up.');
      }
      const began = performance.now();
      const rows = await mapRows(ask, choice, formats.get(choice.domain) === true);
      await model.setRoots(rows);
      say(undefined);
      tree.draw();
      const took = Math.round(performance.now() - began);
      summary.textContent = `${counted(rows.length, 'range')}, shown in ${took} ms. Press * to open a range down to each page.`;
    } while (isOld);
  } catch (error) {
    say(error);
  } finally {
    isLooking = false;
  }
}

async function addressTyped(): Promise<number> {
  const text = addressField.value.trim();
  const number = /^(?:0x)?[0-9a-f]{1,8}$/i.test(text) ? Number.parseInt(text, 16) : undefined;
  return number ?? (await question((id) => ({ kind: 'evaluate', id, expression: text })));
}

async function walk(): Promise<void> {
  const choice = chosen();
  if (choice === undefined || addressField.value.trim() === '') {
    return;
  }
  try {
    const address = await addressTyped();
    const wanted = { ...choice, address, access: access.value as 'read' | 'write' | 'fetch' };
    explain(walkExplanation(await ask('ringside/walk', wanted)));
    const index = model.indexOfAddress(address);
    if (index !== undefined) {
      tree.select(index);
    }
  } catch (error) {
    explain({ heading: 'No walk', lines: [error instanceof Error ? error.message : `${error}`] });
  }
}

async function whoMaps(frame: number): Promise<void> {
  try {
    explain(mappingsExplanation(await ask('ringside/whoMaps', { frame })));
  } catch (error) {
    say(error);
  }
}

function exportAs(format: ExportFormat): void {
  const choice = chosen();
  if (choice !== undefined) {
    host.postMessage({ kind: 'export', format, choice });
  }
}

function hear(message: ToPage): void {
  switch (message.kind) {
    case 'answer':
      waiting.get(message.id)?.resolve(message.body as never);
      waiting.delete(message.id);
      return;
    case 'refusal':
      if (message.id === 0) {
        say(message.sentence);
      }
      waiting.get(message.id)?.reject(new Error(message.sentence));
      waiting.delete(message.id);
      return;
    case 'changed':
      if (message.hasMachine) {
        void look();
      } else {
        say('No guest is being debugged. What is shown, if anything, is how it was.');
      }
      return;
    case 'choose':
      void choose(message.choice);
      return;
    case 'whoMaps':
      void whoMaps(message.frame);
      return;
  }
}

async function choose({ domain, vcpu }: VcpuChoice): Promise<void> {
  await look();
  const wanted = `${domain} ${vcpu}`;
  if (choices.value !== wanted) {
    choices.value = wanted;
    model.forget();
    await look();
  }
}

window.addEventListener('message', ({ data }: MessageEvent<ToPage>) => hear(data));
element('bar', HTMLFormElement).addEventListener('submit', (event) => {
  event.preventDefault();
  void walk();
});
choices.addEventListener('change', () => {
  model.forget();
  void look();
});
element('text', HTMLElement).addEventListener('click', () => exportAs('text'));
element('csv', HTMLElement).addEventListener('click', () => exportAs('csv'));
const closeExplanation = (): void => {
  explanation.hidden = true;
};
element('close', HTMLElement).addEventListener('click', closeExplanation);
window.addEventListener('keydown', ({ key }) =>
  key === 'Escape' ? closeExplanation() : undefined,
);
host.postMessage({ kind: 'ready' });
