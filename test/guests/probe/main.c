#include "guest.h"
void test_main(void)
{
    fact("entry.eax", "%08x", entry_registers.eax);
    ATTEMPT("cli");
    fact("cli", "%s", attempt_text());
    print("now %llu\n", now());
}
