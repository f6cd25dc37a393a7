/*
 * The probe: asks a hypervisor for everything that a 32-bit paravirtual guest can see and prints
 * it, a fact a line: `fact <name> = <value>`. What belongs to the machine (frame numbers, clock
 * rates, processor model) is printed as a relation that any machine must meet.
 *
 * facts.json says what real Xen 4.17 answers to a domain other than the first, with one vCPU.
 * Expected: every fact of facts.json, and "Test result: SUCCESS".
 */

#include "probe.h"

const char *named(const char *format, ...)
{
    static char name[64];
    arguments values;
    __builtin_va_start(values, format);
    format_text(name, sizeof name, format, values);
    __builtin_va_end(values);
    return name;
}

void attempt_fact(const char *name)
{
    fact(name, "%s", attempt_text());
}

void test_main(void)
{
    probe_entry();
    probe_start_info();
    probe_first_tables();
    /* From here on a null pointer faults. */
    map_entry(0, 0);
    probe_shared_info();
    probe_cpuid();
    probe_version();
    probe_memory_op();
    probe_first_ports();
    probe_first_grants();
    probe_hypercalls();
    probe_registers();
    probe_msrs();
    probe_kernel_traps();
    probe_user_traps();
    probe_mmu();
    probe_events();
    probe_descriptors();
    probe_ldt();
    probe_table_types();
    probe_reservation();
    probe_grant_maps();
    probe_port_errors();
    probe_user_upcall();
    probe_scheduling();
    probe_trap_table();
    probe_small_calls();
    probe_debug_registers();
    probe_vcpu();
    probe_physdev();
}
