/** The view _XenStore_: the tree of nodes, and who watches what. */

import type { StoreConnectionData, StoreNodeData } from '../../debug-adapter/custom-requests.ts';
import { counted } from './figures.ts';
import { type Ask, type Detail, type Row, withRest } from './row.ts';

type Child = StoreNodeData['children']['rows'][number];

export async function xenstoreRows(ask: Ask): Promise<readonly Row[]> {
  const nodes = await nodeRows(ask, '/', 0);
  return [
    ...nodes,
    {
      id: 'connections',
      label: 'Connections',
      description: 'watches and transactions',
      icon: { name: 'plug' },
      children: async () => {
        const { connections } = await ask('ringside/xenstoreConnections', {});
        return connections.map(connectionRow);
      },
    },
  ];
}

async function nodeRows(ask: Ask, path: string, first: number): Promise<readonly Row[]> {
  const { children } = await ask('ringside/xenstore', { path, first });
  const rows = children.rows.map((child) => nodeRow(ask, path, child));
  return withRest(path, rows, children, (next) => nodeRows(ask, path, next));
}

function nodeRow(ask: Ask, parent: string, { name, value, hasChildren }: Child): Row {
  const path = parent === '/' ? `/${name}` : `${parent}/${name}`;
  return {
    id: path,
    label: name,
    description: value,
    icon: { name: hasChildren ? 'symbol-namespace' : 'symbol-string' },
    details: [
      ['Path', path],
      ['Value', value],
    ],
    subject: { kind: 'node', path, value },
    ...(hasChildren ? { children: () => nodeRows(ask, path, 0) } : {}),
  };
}

function connectionRow(connection: StoreConnectionData): Row {
  const { name, isPrivileged, watches, transactions } = connection;
  const id = `connection ${name}`;
  const children: Row[] = [
    ...watches.rows.map(({ path, token }, index) => ({
      id: `${id}/watch ${index}`,
      label: path,
      description: token,
      icon: { name: 'eye' },
      details: [
        ['Watches', path],
        ['Token', token],
      ] satisfies Detail[],
    })),
    ...transactions.map((transaction) => ({
      id: `${id}/transaction ${transaction.id}`,
      label: `Transaction ${transaction.id}`,
      description: `${transaction.touched} touched, ${transaction.written} written`,
      icon: { name: 'edit' },
      details: transaction.writtenPaths.map((path): Detail => ['Written', path]),
    })),
  ];
  return {
    id,
    label: name,
    description: [
      counted(watches.total, 'watch', 'watches'),
      ...(transactions.length === 0 ? [] : [counted(transactions.length, 'transaction')]),
    ].join(', '),
    icon: { name: isPrivileged ? 'shield' : 'person' },
    ...(children.length === 0 ? {} : { children }),
  };
}
