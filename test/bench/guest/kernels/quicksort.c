/* Quicksort of 200 000 random numbers with a comparison by pointer. */
#include "../bench.h"

enum { NUMBERS = 200000 };

typedef int comparison(const u32 *a, const u32 *b);

static NOINLINE int compare(const u32 *a, const u32 *b) {
  return *a < *b ? -1 : *a > *b;
}

/* Volatile: the compiler may not know which comparison it is. */
static NOINLINE void sort(u32 *numbers, int low, int high, comparison *volatile compare_by) {
  while (low < high) {
    u32 pivot = numbers[(low + high) >> 1];
    int i = low;
    int j = high;
    while (i <= j) {
      while (compare_by(numbers + i, &pivot) < 0) {
        i++;
      }
      while (compare_by(numbers + j, &pivot) > 0) {
        j--;
      }
      if (i <= j) {
        u32 swapped = numbers[i];
        numbers[i] = numbers[j];
        numbers[j] = swapped;
        i++;
        j--;
      }
    }
    if (j - low < high - i) {
      sort(numbers, low, j, compare_by);
      low = i;
    } else {
      sort(numbers, i, high, compare_by);
      high = j;
    }
  }
}

u32 run_quicksort(u32 scale) {
  u32 *numbers = (u32 *)HEAP;
  u32 random = 7;
  u32 sum = 0;
  for (u32 round = 0; round < 6 * scale; round++) {
    for (int i = 0; i < NUMBERS; i++) {
      numbers[i] = next_random(&random);
    }
    sort(numbers, 0, NUMBERS - 1, compare);
    sum = sum * 31 + numbers[1000] + numbers[100000];
  }
  return sum;
}
