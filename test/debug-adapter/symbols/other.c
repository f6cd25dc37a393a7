/* The second unit of program.c: names that the first has too, and what only this one defines. */

struct later {
  int known;
  struct later *next;
};

struct later latest = {1, 0};

static int counter = 9;

static __attribute__((noinline)) int square(int x) {
  return x * counter;
}

int other(int x) {
  counter++;
  return square(x) + latest.known;
}
