/* What the symbol tests compile with every compiler, version of DWARF and level of optimisation. */

#define OFFSET(type, member) ((unsigned)__builtin_offsetof(type, member))

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

enum state { RUNNING, BLOCKED = 5, DEAD = 0x80, LAST = -3 };
enum { NAMELESS_ONE = 1, NAMELESS_BIG = 0x7fffffff };

struct later;

struct list {
  struct list *next, *previous;
};

struct bits {
  u32 a : 3;
  u32 b : 1;
  int c : 5;
  u32 : 4;
  u32 d : 19;
  u8 e : 7;
  u8 f : 2;
  u64 g : 40;
  u32 h : 32;
  enum state i : 9;
};

struct __attribute__((packed)) tight {
  u8 a;
  u32 b;
  u32 c : 11;
  u32 d : 30;
  u64 e;
};

struct outer {
  u8 first;
  union {
    u32 whole;
    struct {
      short low, high;
    };
    u8 bytes[4];
  };
  struct {
    u64 wide;
    int deep;
  } named;
  struct list list;
  struct later *later;
  int (*handler)(struct outer *, const char *, ...);
  char name[16];
  short table[3][5];
  enum state state;
  u8 tail[];
};

const volatile int fixed = 7;
const char *const text = "text";
struct outer outer = {1};
struct outer *pointers[4];
u32 matrix[2][3][4];
int (*handler)(struct outer *, const char *, ...);
void (*nothing)(void);
void *anything;
enum state state = BLOCKED;
unsigned long long int wide = 5;
signed char small;
_Bool flag;
double ratio = 0.5;
float single;
long double extended;
static volatile int counter;
volatile u32 sink;

/* The compiler itself says how large things are and where members lie. */
const u32 sizes[] = {sizeof(struct list), sizeof(struct bits), sizeof(struct tight),
                     sizeof(struct outer), sizeof(enum state), sizeof(u64)};
const u32 outer_offsets[] = {
    OFFSET(struct outer, first),      OFFSET(struct outer, whole), OFFSET(struct outer, low),
    OFFSET(struct outer, high),       OFFSET(struct outer, bytes), OFFSET(struct outer, named),
    OFFSET(struct outer, list),       OFFSET(struct outer, later), OFFSET(struct outer, handler),
    OFFSET(struct outer, name),       OFFSET(struct outer, table), OFFSET(struct outer, state),
    OFFSET(struct outer, tail)};
const u32 tight_offsets[] = {OFFSET(struct tight, a), OFFSET(struct tight, b),
                             OFFSET(struct tight, e)};

/* Where bits lie shows in the bytes of structs of which all bits of one field are set. */
#define ALL(field) const struct bits bits_##field = {.field = -1}
ALL(a);
ALL(b);
ALL(c);
ALL(d);
ALL(e);
ALL(f);
ALL(g);
ALL(h);
ALL(i);
const struct tight tight_c = {.c = -1};
const struct tight tight_d = {.d = -1};

static inline __attribute__((always_inline)) int square(int x) {
  int y = x * x;
  counter += y;
  return y + 1;
}

static inline __attribute__((always_inline)) int twice(int x) {
  return square(x) + square(x + 1);
}

__attribute__((noinline)) int compute(int a, int b) {
  int sum = twice(a);
  for (int i = 0; i < b; i++) {
    int inner = sum * i + counter;
    sink = inner;
    if (inner > 100) {
      sum -= square(inner);
    }
  }
  return sum + a * b;
}

__attribute__((noinline)) int recurse(struct outer *node, int depth) {
  char buffer[32];
  for (u32 i = 0; i < sizeof buffer; i++) {
    buffer[i] = (char)(depth + sink);
  }
  node->name[depth & 15] = buffer[sink & 31];
  return depth == 0 ? node->first : recurse(node, depth - 1) + compute(depth, node->first);
}

__attribute__((noinline)) int variadic(const char *format, ...) {
  __builtin_va_list list;
  __builtin_va_start(list, format);
  int first = __builtin_va_arg(list, int);
  __builtin_va_end(list);
  return first + *format;
}

__attribute__((noinline, noreturn)) void stop(void) {
  for (;;) {
    sink++;
  }
}

extern int other(int);

void _start(void) {
  state = (enum state)(other(3) + NAMELESS_ONE);
  handler = 0;
  sink = compute(recurse(&outer, 3), variadic("x", 4)) + small + flag + (u32)single;
  stop();
}
