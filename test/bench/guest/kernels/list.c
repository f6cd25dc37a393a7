/* A linked list as in CoreMark: find, reverse, merge sort with a comparison by pointer. */
#include "../bench.h"

enum { NODES = 600, FINDS = 20 };

struct node {
  struct node *next;
  s16 index;
  s16 value;
};

typedef int comparison(struct node *a, struct node *b);

static int by_index(struct node *a, struct node *b) {
  return a->index - b->index;
}

static int by_value(struct node *a, struct node *b) {
  return a->value - b->value;
}

static NOINLINE struct node *merge_sort(struct node *list, comparison *compare) {
  int run_length = 1;
  for (;;) {
    struct node *left = list;
    struct node *tail = 0;
    int merges = 0;
    list = 0;
    while (left) {
      struct node *right = left;
      int left_size = 0;
      int right_size = run_length;
      merges++;
      for (int i = 0; i < run_length; i++) {
        left_size++;
        right = right->next;
        if (!right) {
          break;
        }
      }
      while (left_size > 0 || (right_size > 0 && right)) {
        struct node *smaller;
        if (!left_size) {
          smaller = right;
          right = right->next;
          right_size--;
        } else if (!right_size || !right) {
          smaller = left;
          left = left->next;
          left_size--;
        } else if (compare(left, right) <= 0) {
          smaller = left;
          left = left->next;
          left_size--;
        } else {
          smaller = right;
          right = right->next;
          right_size--;
        }
        if (tail) {
          tail->next = smaller;
        } else {
          list = smaller;
        }
        tail = smaller;
      }
      left = right;
    }
    tail->next = 0;
    if (merges <= 1) {
      return list;
    }
    run_length *= 2;
  }
}

u32 run_list(u32 scale) {
  struct node *nodes = (struct node *)HEAP;
  u32 random = 1;
  u32 sum = 0;
  for (int i = 0; i < NODES; i++) {
    nodes[i].next = i + 1 < NODES ? &nodes[i + 1] : 0;
    nodes[i].index = (s16)i;
    nodes[i].value = next_random(&random) & 0x7fff;
  }
  struct node *list = nodes;
  for (u32 round = 0; round < 1500 * scale; round++) {
    for (int k = 0; k < FINDS; k++) {
      s16 wanted = (s16)(next_random(&random) % NODES);
      struct node *found = list;
      while (found && found->index != wanted) {
        found = found->next;
      }
      if (found) {
        sum += found->value;
        found->value ^= k;
      }
    }
    struct node *reversed = 0;
    while (list) {
      struct node *next = list->next;
      list->next = reversed;
      reversed = list;
      list = next;
    }
    list = reversed;
    if (round % 4 == 0) {
      list = merge_sort(list, by_value);
      sum = sum * 31 + list->value;
      list = merge_sort(list, by_index);
    }
  }
  return sum;
}
