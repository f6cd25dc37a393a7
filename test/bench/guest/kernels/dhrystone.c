/* After Dhrystone 2.1: records, strings, small procedures. Names as there, where they say nothing. */
#include "../bench.h"

enum { ARRAY = 50 };

struct record {
  struct record *next;
  int discriminant;
  int enumeration;
  int integer;
  char string[31];
};

static struct record first;
static struct record second;
static int global_integer;
static char global_character_1;
static char global_character_2;
static int array_1[ARRAY];
static int array_2[ARRAY][ARRAY];

static NOINLINE int compare_strings(const char *a, const char *b) {
  while (*a && *a == *b) {
    a++;
    b++;
  }
  return (u8)*a - (u8)*b;
}

static NOINLINE void copy_string(char *target, const char *source) {
  while ((*target++ = *source++)) {
  }
}

static NOINLINE int func_3(int enumeration) {
  return enumeration == 2;
}

static NOINLINE int func_1(char a, char b) {
  char copy = a;
  if (copy != b) {
    return 0;
  }
  global_character_1 = copy;
  return 1;
}

static NOINLINE int func_2(char *a, char *b) {
  int i = 2;
  char character = 0;
  while (i <= 2) {
    if (func_1(a[i], b[i + 1]) == 0) {
      character = 'A';
      i += 1;
    } else {
      i += 2;
    }
  }
  if (character >= 'W' && character < 'Z') {
    i = 7;
  }
  if (character == 'R') {
    return 1;
  }
  if (compare_strings(a, b) > 0) {
    i += 7;
    global_integer = i;
    return 1;
  }
  return 0;
}

static NOINLINE void proc_6(int enumeration, int *result) {
  *result = enumeration;
  if (!func_3(enumeration)) {
    *result = 3;
  }
  switch (enumeration) {
    case 0:
      *result = 0;
      break;
    case 1:
      *result = global_integer > 100 ? 0 : 3;
      break;
    case 2:
      *result = 1;
      break;
    case 4:
      *result = 2;
      break;
  }
}

static NOINLINE void proc_7(int a, int b, int *result) {
  *result = b + a + 2;
}

static NOINLINE void proc_3(struct record **result) {
  if (first.next) {
    *result = first.next;
  }
  proc_7(10, global_integer, &first.integer);
}

static NOINLINE void proc_1(struct record *record) {
  struct record *next = record->next;
  *next = first;
  record->integer = 5;
  next->integer = record->integer;
  next->next = record->next;
  proc_3(&next->next);
  if (next->discriminant == 0) {
    next->integer = 6;
    proc_6(record->enumeration, &next->enumeration);
    next->next = first.next;
    proc_7(next->integer, 10, &next->integer);
  } else {
    *record = *record->next;
  }
}

static NOINLINE void proc_8(int *row, int (*table)[ARRAY], int x, int y) {
  int i = x + 5;
  row[i] = y;
  row[i + 1] = row[i];
  row[i + 30] = i;
  for (int k = i; k <= i + 1; k++) {
    table[i][k] = i;
  }
  table[i][i - 1]++;
  table[i + 20][i] = row[i];
  global_integer = 5;
}

u32 run_dhrystone(u32 scale) {
  char string_1[31];
  char string_2[31];
  u32 sum = 0;
  first.next = &second;
  first.discriminant = 0;
  first.enumeration = 2;
  first.integer = 40;
  copy_string(first.string, "DHRYSTONE PROGRAM, SOME STRING");
  copy_string(string_1, "DHRYSTONE PROGRAM, 1'ST STRING");
  for (u32 round = 1; round <= 700000 * scale; round++) {
    int a = 2;
    int b = 3;
    int c = 0;
    int enumeration;
    copy_string(string_2, "DHRYSTONE PROGRAM, 2'ND STRING");
    int is_not_greater = !func_2(string_1, string_2);
    while (a < b) {
      c = 5 * a - b;
      proc_7(a, b, &c);
      a++;
    }
    proc_8(array_1, array_2, a, c);
    proc_1(&first);
    for (char k = 'A'; k <= (global_character_2 = round & 1 ? 'C' : 'B'); k++) {
      if (func_1(k, 'C')) {
        proc_6(0, &enumeration);
        sum += (u32)enumeration;
      }
    }
    b = b * a;
    a = b / (c | 1);
    b = 7 * (b - c) - a;
    sum = sum * 3 + (u32)(a + b + is_not_greater);
  }
  return sum;
}
