/**
 * The end of a transaction that shall take effect (Xen: tools/xenstore/xenstored_transaction.c,
 * do_transaction_end and finalize_transaction).
 */

import type { XsdError } from '../abi/io/xs-wire.ts';
import { isUnprivileged } from './domains.ts';
import type { Transaction } from './transactions.ts';
import { storedSize } from './tree.ts';
import type { Contents } from './view.ts';
import type { Change } from './watches.ts';

/**
 * Makes the changes of a transaction, telling of each right after it; or makes none and answers
 * why: EAGAIN when what it read has changed, ENOSPC for the number of nodes, ENOMEM when something
 * in it had gone wrong. The memory of its copies is given back elsewhere.
 */
export function commit(
  transaction: Transaction,
  isPrivileged: boolean,
  contents: Contents,
  tell: (change: Change) => void,
): XsdError | undefined {
  const { tree, domains } = contents;
  if (transaction.hasFailed) {
    return 'ENOMEM';
  }
  if (transaction.hasCreated && !isPrivileged && exceedsQuota(transaction, contents)) {
    return 'ENOSPC';
  }
  for (const [path, { generation }] of transaction.accessed) {
    if (tree.get(path)?.generation !== generation) {
      return 'EAGAIN';
    }
  }
  for (const [path, accessed] of transaction.accessed) {
    if (!accessed.isModified) {
      continue;
    }
    const old = tree.get(path);
    if (old) {
      domains.addMemory(old.permissions[0].domain, -storedSize(path, old));
    }
    if (accessed.node) {
      tree.set(path, { ...accessed.node, generation: tree.nextGeneration() });
      domains.addMemory(accessed.node.permissions[0].domain, storedSize(path, accessed.node));
    } else {
      tree.delete(path);
    }
    if (accessed.event !== 'none') {
      const isExact = accessed.event === 'exact';
      tell({ path, isExact, oldPermissions: accessed.permissions });
    }
  }
  for (const [domain, nodes] of transaction.ownership) {
    domains.addNodes(domain, nodes);
  }
  return undefined;
}

function exceedsQuota({ ownership }: Transaction, { domains, quota }: Contents): boolean {
  return [...ownership].some(
    ([domain, change]) => isUnprivileged(domain) && domains.nodesOf(domain) + change >= quota.nodes,
  );
}
