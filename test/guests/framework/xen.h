/*
 * The interface of 32-bit Xen paravirtual domains, as far as our test guests use it. Numbers and
 * layouts are those of Xen's public headers (xen.h, arch-x86/xen-x86_32.h, physdev.h, memory.h,
 * event_channel.h, grant_table.h, vcpu.h, sched.h, callback.h, io/xs_wire.h, io/blkif.h); sizes
 * and offsets are asserted. 64-bit fields are aligned to four bytes, as the i386 ABI has it.
 */
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef short s16;
typedef int s32;
typedef long long s64;

#define PAGE_SIZE 4096u
#define SAME_SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), #type)
#define SAME_OFFSET(type, field, bytes) \
    _Static_assert(__builtin_offsetof(type, field) == (bytes), #type "." #field)

enum hypercall_number {
    HC_SET_TRAP_TABLE = 0,
    HC_MMU_UPDATE = 1,
    HC_SET_GDT = 2,
    HC_STACK_SWITCH = 3,
    HC_SET_CALLBACKS = 4,
    HC_FPU_TASKSWITCH = 5,
    HC_SCHED_OP_COMPAT = 6,
    HC_PLATFORM_OP = 7,
    HC_SET_DEBUGREG = 8,
    HC_GET_DEBUGREG = 9,
    HC_UPDATE_DESCRIPTOR = 10,
    HC_MEMORY_OP = 12,
    HC_MULTICALL = 13,
    HC_UPDATE_VA_MAPPING = 14,
    HC_SET_TIMER_OP = 15,
    HC_EVENT_CHANNEL_OP_COMPAT = 16,
    HC_XEN_VERSION = 17,
    HC_CONSOLE_IO = 18,
    HC_PHYSDEV_OP_COMPAT = 19,
    HC_GRANT_TABLE_OP = 20,
    HC_VM_ASSIST = 21,
    HC_UPDATE_VA_MAPPING_OTHERDOMAIN = 22,
    HC_IRET = 23,
    HC_VCPU_OP = 24,
    HC_SET_SEGMENT_BASE = 25,
    HC_MMUEXT_OP = 26,
    HC_XSM_OP = 27,
    HC_NMI_OP = 28,
    HC_SCHED_OP = 29,
    HC_CALLBACK_OP = 30,
    HC_EVENT_CHANNEL_OP = 32,
    HC_PHYSDEV_OP = 33,
    HC_HVM_OP = 34,
    HC_SYSCTL = 35,
    HC_DOMCTL = 36,
    HC_KEXEC_OP = 37,
};

enum { EPERM = 1, ENOENT = 2, ESRCH = 3, ENXIO = 6, EFAULT = 14, EBUSY = 16, EEXIST = 17,
       ENODEV = 19, EINVAL = 22, ENOSYS = 38, ETIME = 62 };

#define DOMID_SELF 0x7ff0u
#define DOMID_IO 0x7ff1u
#define DOMID_XEN 0x7ff2u

/* Selectors of Xen's own descriptors (FLAT_*). */
#define KERNEL_CS 0xe019u
#define KERNEL_DS 0xe021u
#define USER_CS 0xe02bu
#define USER_DS 0xe033u

#define EFLAGS_TF 0x100u
#define EFLAGS_IF 0x200u
#define EFLAGS_IOPL 0x3000u
#define EFLAGS_NT 0x4000u
#define EFLAGS_RF 0x10000u

#define SIF_PRIVILEGED 1u
#define SIF_INITDOMAIN 2u

struct start_info {
    char magic[32];
    u32 nr_pages;
    u32 shared_info;
    u32 flags;
    u32 store_mfn;
    u32 store_evtchn;
    u32 console_mfn;
    u32 console_evtchn;
    u32 pt_base;
    u32 nr_pt_frames;
    u32 mfn_list;
    u32 mod_start;
    u32 mod_len;
    char cmd_line[1024];
    u32 first_p2m_pfn;
    u32 nr_p2m_frames;
};
SAME_SIZE(struct start_info, 1112);
SAME_OFFSET(struct start_info, pt_base, 60);

struct vcpu_time_info {
    u32 version;
    u32 pad0;
    u64 tsc_timestamp;
    u64 system_time;
    u32 tsc_to_system_mul;
    signed char tsc_shift;
    u8 flags;
    u8 pad1[2];
};
SAME_SIZE(struct vcpu_time_info, 32);

struct vcpu_info {
    u8 evtchn_upcall_pending;
    u8 evtchn_upcall_mask;
    u8 pad[2];
    u32 evtchn_pending_sel;
    u32 cr2;
    u32 pad1[5];
    struct vcpu_time_info time;
};
SAME_SIZE(struct vcpu_info, 64);

struct shared_info {
    struct vcpu_info vcpu_info[32];
    u32 evtchn_pending[32];
    u32 evtchn_mask[32];
    u32 wc_version;
    u32 wc_sec;
    u32 wc_nsec;
    u32 arch_max_pfn;
    u32 arch_frame_list_list;
    u32 arch_nmi_reason;
    u32 arch_p2m_cr3;
    u32 arch_p2m_vaddr;
    u32 arch_p2m_generation;
    u32 arch_wc_sec_hi;
};
SAME_OFFSET(struct shared_info, evtchn_pending, 2048);
SAME_OFFSET(struct shared_info, wc_version, 2304);

struct trap_info {
    u8 vector;
    u8 flags;
    u16 cs;
    u32 address;
};
SAME_SIZE(struct trap_info, 8);

struct cpu_user_regs {
    u32 ebx, ecx, edx, esi, edi, ebp, eax;
    u16 error_code, entry_vector;
    u32 eip;
    u16 cs;
    u8 saved_upcall_mask, pad0;
    u32 eflags, esp;
    u16 ss, pad1, es, pad2, ds, pad3, fs, pad4, gs, pad5;
};
SAME_SIZE(struct cpu_user_regs, 68);

#define VGCF_ONLINE 32u
#define VGCF_IN_KERNEL 4u

struct vcpu_guest_context {
    u8 fpu[512];
    u32 flags;
    struct cpu_user_regs user_regs;
    struct trap_info trap_ctxt[256];
    u32 ldt_base, ldt_ents;
    u32 gdt_frames[16];
    u32 gdt_ents;
    u32 kernel_ss, kernel_sp;
    u32 ctrlreg[8];
    u32 debugreg[8];
    u32 event_callback_cs, event_callback_eip;
    u32 failsafe_callback_cs, failsafe_callback_eip;
    u32 vm_assist;
};
SAME_SIZE(struct vcpu_guest_context, 2800);
SAME_OFFSET(struct vcpu_guest_context, ldt_base, 2632);

struct mmu_update {
    u64 ptr;
    u64 val;
};
enum { MMU_NORMAL_PT_UPDATE, MMU_MACHPHYS_UPDATE, MMU_PT_UPDATE_PRESERVE_AD };

struct mmuext_op {
    u32 cmd;
    u32 arg1;
    u32 arg2;
};
enum { MMUEXT_PIN_L1_TABLE, MMUEXT_PIN_L2_TABLE, MMUEXT_PIN_L3_TABLE, MMUEXT_PIN_L4_TABLE,
       MMUEXT_UNPIN_TABLE, MMUEXT_NEW_BASEPTR, MMUEXT_TLB_FLUSH_LOCAL, MMUEXT_INVLPG_LOCAL,
       MMUEXT_TLB_FLUSH_MULTI, MMUEXT_INVLPG_MULTI, MMUEXT_TLB_FLUSH_ALL, MMUEXT_INVLPG_ALL,
       MMUEXT_FLUSH_CACHE, MMUEXT_SET_LDT, MMUEXT_NEW_USER_BASEPTR = 15, MMUEXT_CLEAR_PAGE,
       MMUEXT_COPY_PAGE };

enum { UVMF_NONE, UVMF_TLB_FLUSH, UVMF_INVLPG };

struct multicall_entry {
    u32 op;
    s32 result;
    u32 args[6];
};
SAME_SIZE(struct multicall_entry, 32);

enum { CONSOLEIO_WRITE, CONSOLEIO_READ };
enum { VMASST_CMD_ENABLE, VMASST_CMD_DISABLE };
enum { VMASST_4GB_SEGMENTS, VMASST_4GB_SEGMENTS_NOTIFY, VMASST_WRITABLE_PAGETABLES,
       VMASST_PAE_EXTENDED_CR3, VMASST_ARCHITECTURAL_IOPL, VMASST_RUNSTATE_UPDATE_FLAG };

enum { SCHEDOP_YIELD, SCHEDOP_BLOCK, SCHEDOP_SHUTDOWN, SCHEDOP_POLL, SCHEDOP_REMOTE_SHUTDOWN,
       SCHEDOP_SHUTDOWN_CODE, SCHEDOP_WATCHDOG };
enum { SHUTDOWN_POWEROFF, SHUTDOWN_REBOOT, SHUTDOWN_SUSPEND, SHUTDOWN_CRASH };

struct sched_poll {
    u32 *ports;
    u32 nr_ports;
    u64 timeout;
};
SAME_SIZE(struct sched_poll, 16);

enum { VCPUOP_INITIALISE, VCPUOP_UP, VCPUOP_DOWN, VCPUOP_IS_UP, VCPUOP_GET_RUNSTATE_INFO,
       VCPUOP_REGISTER_RUNSTATE_MEMORY_AREA, VCPUOP_SET_PERIODIC_TIMER, VCPUOP_STOP_PERIODIC_TIMER,
       VCPUOP_SET_SINGLESHOT_TIMER, VCPUOP_STOP_SINGLESHOT_TIMER, VCPUOP_REGISTER_VCPU_INFO,
       VCPUOP_SEND_NMI, VCPUOP_GET_PHYSID, VCPUOP_REGISTER_VCPU_TIME_MEMORY_AREA };
enum { RUNSTATE_RUNNING, RUNSTATE_RUNNABLE, RUNSTATE_BLOCKED, RUNSTATE_OFFLINE };

struct vcpu_runstate_info {
    u32 state;
    u64 state_entry_time;
    u64 time[4];
} __attribute__((packed));
SAME_SIZE(struct vcpu_runstate_info, 44);

struct vcpu_register_vcpu_info {
    u64 mfn;
    u32 offset;
    u32 rsvd;
};
struct vcpu_set_singleshot_timer {
    u64 timeout_abs_ns;
    u32 flags;
};
#define VCPU_SSHOTTMR_FUTURE 1u

enum { EVTCHNOP_BIND_INTERDOMAIN, EVTCHNOP_BIND_VIRQ, EVTCHNOP_BIND_PIRQ, EVTCHNOP_CLOSE,
       EVTCHNOP_SEND, EVTCHNOP_STATUS, EVTCHNOP_ALLOC_UNBOUND, EVTCHNOP_BIND_IPI,
       EVTCHNOP_BIND_VCPU, EVTCHNOP_UNMASK, EVTCHNOP_RESET };
enum { VIRQ_TIMER, VIRQ_DEBUG, VIRQ_CONSOLE };

struct evtchn_alloc_unbound {
    u16 dom, remote_dom;
    u32 port;
};
struct evtchn_bind_interdomain {
    u16 remote_dom, pad;
    u32 remote_port, local_port;
};
struct evtchn_bind_virq {
    u32 virq, vcpu, port;
};
struct evtchn_bind_pirq {
    u32 pirq, flags, port;
};
struct evtchn_bind_ipi {
    u32 vcpu, port;
};
struct evtchn_bind_vcpu {
    u32 port, vcpu;
};
struct evtchn_status {
    u16 dom, pad;
    u32 port;
    u32 status;
    u32 vcpu;
    union {
        struct { u16 dom; } unbound;
        struct { u16 dom, pad; u32 port; } interdomain;
        u32 pirq;
        u32 virq;
    } u;
};
SAME_SIZE(struct evtchn_status, 24);

/* The legacy form of hypercall 16: the command and its structure in one. */
struct evtchn_op {
    u32 cmd;
    union {
        struct evtchn_alloc_unbound alloc_unbound;
        struct evtchn_bind_interdomain bind_interdomain;
        struct evtchn_bind_virq bind_virq;
        struct evtchn_bind_ipi bind_ipi;
        struct { u32 port; } port;
        struct evtchn_status status;
        u32 words[6];
    } u;
};
SAME_SIZE(struct evtchn_op, 28);

enum { XENVER_VERSION, XENVER_EXTRAVERSION, XENVER_COMPILE_INFO, XENVER_CAPABILITIES,
       XENVER_CHANGESET, XENVER_PLATFORM_PARAMETERS, XENVER_GET_FEATURES, XENVER_PAGESIZE,
       XENVER_GUEST_HANDLE, XENVER_COMMANDLINE, XENVER_BUILD_ID };

enum { XENMEM_INCREASE_RESERVATION = 0, XENMEM_DECREASE_RESERVATION = 1,
       XENMEM_MAXIMUM_RAM_PAGE = 2, XENMEM_CURRENT_RESERVATION = 3, XENMEM_MAXIMUM_RESERVATION = 4,
       XENMEM_MACHPHYS_MFN_LIST = 5, XENMEM_POPULATE_PHYSMAP = 6, XENMEM_MEMORY_MAP = 9,
       XENMEM_MACHINE_MEMORY_MAP = 10, XENMEM_EXCHANGE = 11, XENMEM_MACHPHYS_MAPPING = 12,
       XENMEM_MAXIMUM_GPFN = 14, XENMEM_MACHPHYS_COMPAT_MFN_LIST = 25 };

struct xen_memory_reservation {
    u32 *extent_start;
    u32 nr_extents;
    u32 extent_order;
    u32 mem_flags;
    u16 domid;
};
SAME_SIZE(struct xen_memory_reservation, 20);

struct xen_memory_exchange {
    struct xen_memory_reservation in, out;
    u32 nr_exchanged;
};
SAME_SIZE(struct xen_memory_exchange, 44);

struct xen_machphys_mapping {
    u32 v_start, v_end, max_mfn;
};
struct xen_machphys_mfn_list {
    u32 max_extents;
    u32 *extent_start;
    u32 nr_extents;
};
struct xen_memory_map {
    u32 nr_entries;
    void *buffer;
};
struct e820_entry {
    u64 address, size;
    u32 type;
} __attribute__((packed));

enum { PHYSDEVOP_SET_IOPL = 6, PHYSDEVOP_SET_IOBITMAP = 7 };
struct physdev_set_iobitmap {
    u8 *bitmap;
    u32 nr_ports;
};
/* The legacy form of hypercall 19. */
struct physdev_op {
    u32 cmd;
    u32 words[6];
};

enum { CALLBACKOP_REGISTER, CALLBACKOP_UNREGISTER };
enum { CALLBACKTYPE_EVENT = 0, CALLBACKTYPE_FAILSAFE = 1, CALLBACKTYPE_SYSENTER_DEPRECATED = 3,
       CALLBACKTYPE_NMI = 4, CALLBACKTYPE_SYSENTER = 5, CALLBACKTYPE_SYSCALL32 = 7 };
#define CALLBACKF_MASK_EVENTS 1u
struct callback_register {
    u16 type, flags;
    u32 cs, eip;
};
SAME_SIZE(struct callback_register, 12);

enum { GNTTABOP_MAP_GRANT_REF, GNTTABOP_UNMAP_GRANT_REF, GNTTABOP_SETUP_TABLE, GNTTABOP_DUMP_TABLE,
       GNTTABOP_TRANSFER, GNTTABOP_COPY, GNTTABOP_QUERY_SIZE, GNTTABOP_UNMAP_AND_REPLACE,
       GNTTABOP_SET_VERSION, GNTTABOP_GET_STATUS_FRAMES, GNTTABOP_GET_VERSION };
enum { GTF_INVALID, GTF_PERMIT_ACCESS, GTF_ACCEPT_TRANSFER, GTF_READONLY = 4, GTF_READING = 8,
       GTF_WRITING = 16 };
enum { GNTMAP_DEVICE = 1, GNTMAP_HOST = 2, GNTMAP_READONLY = 4, GNTMAP_APPLICATION = 8,
       GNTMAP_CONTAINS_PTE = 16 };
struct grant_entry {
    u16 flags, domid;
    u32 frame;
};
struct gnttab_map_grant_ref {
    u64 host_addr;
    u32 flags, ref;
    u16 dom;
    s16 status;
    u32 handle;
    u64 dev_bus_addr;
};
SAME_SIZE(struct gnttab_map_grant_ref, 32);
struct gnttab_unmap_grant_ref {
    u64 host_addr, dev_bus_addr;
    u32 handle;
    s16 status;
} __attribute__((aligned(4)));
SAME_SIZE(struct gnttab_unmap_grant_ref, 24);
struct gnttab_setup_table {
    u16 dom;
    u32 nr_frames;
    s16 status;
    u32 *frame_list;
};
SAME_SIZE(struct gnttab_setup_table, 16);
struct gnttab_copy {
    struct {
        u32 ref_or_frame;
        u16 domid, offset;
    } source, dest;
    u16 len, flags;
    s16 status;
};
SAME_SIZE(struct gnttab_copy, 24);
enum { GNTCOPY_SOURCE_GREF = 1, GNTCOPY_DEST_GREF = 2 };
struct gnttab_transfer {
    u32 mfn;
    u16 domid;
    u32 ref;
    s16 status;
};
SAME_SIZE(struct gnttab_transfer, 16);
struct gnttab_query_size {
    u16 dom;
    u32 nr_frames, max_nr_frames;
    s16 status;
};
struct gnttab_get_version {
    u16 dom, pad;
    u32 version;
};

struct xencons_interface {
    char in[1024], out[2048];
    u32 in_cons, in_prod, out_cons, out_prod;
};
SAME_OFFSET(struct xencons_interface, in_cons, 3072);

struct xenstore_interface {
    char req[1024], rsp[1024];
    u32 req_cons, req_prod, rsp_cons, rsp_prod;
};
enum { XS_CONTROL, XS_DIRECTORY, XS_READ, XS_GET_PERMS, XS_WATCH, XS_UNWATCH, XS_TRANSACTION_START,
       XS_TRANSACTION_END, XS_INTRODUCE, XS_RELEASE, XS_GET_DOMAIN_PATH, XS_WRITE, XS_MKDIR, XS_RM,
       XS_SET_PERMS, XS_WATCH_EVENT, XS_ERROR };
struct xsd_sockmsg {
    u32 type, req_id, tx_id, len;
};
#define XENSTORE_PAYLOAD_MAX 4096u

struct blkif_segment {
    u32 gref;
    u8 first_sect, last_sect;
    u16 pad;
};
struct blkif_request {
    u8 operation, nr_segments;
    u16 handle;
    u64 id, sector;
    struct blkif_segment seg[11];
} __attribute__((packed, aligned(4)));
SAME_SIZE(struct blkif_request, 108);
struct blkif_response {
    u64 id;
    u8 operation;
    s16 status;
} __attribute__((aligned(4)));
SAME_SIZE(struct blkif_response, 12);
struct blkif_ring {
    u32 req_prod, req_event, rsp_prod, rsp_event;
    u8 pad[48];
    union {
        struct blkif_request request;
        struct blkif_response response;
    } ring[32];
};
SAME_OFFSET(struct blkif_ring, ring, 64);
enum { BLKIF_OP_READ, BLKIF_OP_WRITE, BLKIF_OP_WRITE_BARRIER, BLKIF_OP_FLUSH_DISKCACHE };
