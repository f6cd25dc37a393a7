/* What the parts of the probe share. */
#pragma once

#include "guest.h"

#define YES_NO(condition) ((condition) ? "yes" : "no")

struct cpuid {
    u32 eax, ebx, ecx, edx;
};
struct cpuid cpuid_native(u32 leaf, u32 subleaf);
/* Behind the prefix that has Xen answer (XEN_EMULATE_PREFIX). */
struct cpuid cpuid_emulated(u32 leaf, u32 subleaf);

void attempt_fact(const char *name);

/* Makes a name of two parts; valid until the next call. */
const char *named(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Selector's access rights as LAR gives them, or 0 where it refuses. */
u32 lar(u32 selector);

void probe_entry(void);
void probe_start_info(void);
void probe_first_tables(void);
void probe_shared_info(void);
void probe_cpuid(void);
void probe_registers(void);
void probe_msrs(void);
void probe_version(void);
void probe_memory_op(void);
void probe_hypercalls(void);
void probe_first_ports(void);
void probe_first_grants(void);
void probe_kernel_traps(void);
void probe_user_traps(void);
void probe_mmu(void);
void probe_events(void);
void probe_descriptors(void);
void probe_ldt(void);
void probe_table_types(void);
void probe_reservation(void);
void probe_grant_maps(void);
void probe_port_errors(void);
void probe_user_upcall(void);
void probe_scheduling(void);
void probe_trap_table(void);
void probe_small_calls(void);
void probe_debug_registers(void);
void probe_vcpu(void);
void probe_physdev(void);
