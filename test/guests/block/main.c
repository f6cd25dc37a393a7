/*
 * A block front-end for the device xvda (51712): connects through xenstore, reads, writes, checks.
 *
 * Observed: what was written is read back, in one and in several segments; requests beyond the end
 * and of unknown kinds are answered with errors. It writes to the last eight sectors.
 * Expected: "Test result: SUCCESS", or SKIP without such a device.
 */

#include "guest.h"

#define DEVICE "device/vbd/51712"
#define RING_REF 8u
#define DATA_REF 9u
#define SEGMENTS 4u
#define SECTOR 512u

static struct blkif_ring *ring;
static u8 *pages[SEGMENTS];
static u32 port, consumed;
static char backend[128], path[192], text[64];

static long backend_number(const char *name)
{
    text_of(path, sizeof path, "%s/%s", backend, name);
    return xenstore_number(path);
}

static void publish(const char *name, u32 value)
{
    text_of(path, sizeof path, DEVICE "/%s", name);
    text_of(text, sizeof text, "%u", value);
    if (xenstore_write(path, text) < 0)
        fail_now("%s cannot be written: %s", path, xenstore_error);
}

static void connect(u32 domain)
{
    struct evtchn_alloc_unbound channel = { DOMID_SELF, (u16)domain, 0 };
    ring = page_alloc();
    ring->req_event = ring->rsp_event = 1;
    if (evtchn(EVTCHNOP_ALLOC_UNBOUND, &channel))
        fail_now("no event channel");
    port = channel.port;
    port_mask(port, 1);
    grant_access(RING_REF, domain, ring, 0);
    for (u32 i = 0; i < SEGMENTS; i++) {
        pages[i] = page_alloc();
        grant_access(DATA_REF + i, domain, pages[i], 0);
    }
    publish("ring-ref", RING_REF);
    publish("event-channel", port);
    if (xenstore_write(DEVICE "/protocol", "x86_32-abi") < 0)
        fail_now("the protocol cannot be written");
    publish("state", 3);
    u64 end = now() + MILLISECONDS(5000);
    while (backend_number("state") != 4) {
        if ((s64)(now() - end) > 0)
            fail_now("the back-end does not connect: state %u", (u32)backend_number("state"));
        yield();
    }
    publish("state", 4);
    check(1, "connected");
}

/* One request, of whole sectors from the start of each page; its status. */
static int request(u32 operation, u64 sector, u32 sectors)
{
    struct blkif_request *next = &ring->ring[ring->req_prod % 32].request;
    static u64 number;
    u32 segments = (sectors + 7) / 8;
    memset(next, 0, sizeof *next);
    next->operation = (u8)operation;
    next->nr_segments = (u8)segments;
    next->id = ++number << 32 | 0xabcd;
    next->sector = sector;
    for (u32 i = 0; i < segments; i++) {
        u32 count = sectors - i * 8 < 8 ? sectors - i * 8 : 8;
        next->seg[i] = (struct blkif_segment){ DATA_REF + i, 0, (u8)(count - 1), 0 };
    }
    __asm__ volatile("" : : : "memory");
    ring->req_prod++;
    send(port);
    u64 end = now() + MILLISECONDS(5000);
    while (*(volatile u32 *)&ring->rsp_prod == consumed) {
        if ((s64)(now() - end) > 0)
            fail_now("a request is not answered");
        u32 ports[1] = { port };
        struct sched_poll wait = { ports, 1, now() + MILLISECONDS(50) };
        sched_op(SCHEDOP_POLL, &wait);
        port_clear(port);
    }
    const struct blkif_response *answer = &ring->ring[consumed++ % 32].response;
    check(answer->id == (number << 32 | 0xabcd) && answer->operation == operation,
          "the answer has the request's id and operation");
    ring->rsp_event = consumed + 1;
    return answer->status;
}

static void fill(u32 pages_count, u32 seed)
{
    for (u32 i = 0; i < pages_count; i++)
        for (u32 at = 0; at < PAGE_SIZE; at++)
            pages[i][at] = (u8)(at * 7 + i * 31 + seed + (at >> 8));
}

static int filled(u32 pages_count, u32 seed, u32 bytes)
{
    for (u32 i = 0; i < pages_count; i++)
        for (u32 at = 0; at < PAGE_SIZE && i * PAGE_SIZE + at < bytes; at++)
            if (pages[i][at] != (u8)(at * 7 + i * 31 + seed + (at >> 8)))
                return 0;
    return 1;
}

static void transfer(u64 sectors)
{
    check_equal(request(BLKIF_OP_READ, 0, 1), 0, "the first sector is read");
    print("sector 0 begins %02x %02x %02x %02x\n", pages[0][0], pages[0][1], pages[0][2], pages[0][3]);
    fill(1, 1);
    check_equal(request(BLKIF_OP_WRITE, sectors - 8, 8), 0, "eight sectors are written");
    memset(pages[0], 0, PAGE_SIZE);
    check_equal(request(BLKIF_OP_READ, sectors - 8, 8), 0, "and read");
    check(filled(1, 1, PAGE_SIZE), "as they were");
    memset(pages[0], 0, PAGE_SIZE);
    check_equal(request(BLKIF_OP_READ, sectors - 8, 1), 0, "one sector alone");
    check(filled(1, 1, SECTOR) && pages[0][SECTOR] == 0, "fills one sector alone");
    if (sectors >= 64) {
        fill(3, 9);
        check_equal(request(BLKIF_OP_WRITE, sectors - 20, 20), 0, "twenty sectors in three segments");
        memset(pages[0], 0, PAGE_SIZE);
        memset(pages[2], 0, PAGE_SIZE);
        check_equal(request(BLKIF_OP_READ, sectors - 20, 20), 0, "and back");
        check(filled(3, 9, 20 * SECTOR), "as they were");
    }
    check_equal(request(BLKIF_OP_READ, sectors, 1), -1, "a read beyond the end");
    check_equal(request(BLKIF_OP_READ, sectors - 1, 2), -1, "a read across the end");
    check_equal(request(BLKIF_OP_READ, ~0ull, 1), -1, "a read at the last sector there could be");
    check_equal(request(99, 0, 1), -2, "an operation that is none");
    for (u32 i = 0; i < 100; i++)
        if (request(BLKIF_OP_READ, i % (u32)sectors, 1))
            fail_now("read %u of a hundred fails", i);
}

void test_main(void)
{
    if (xenstore_read(DEVICE "/backend", backend, sizeof backend) < 0)
        skip("the domain has no device 51712");
    long domain = xenstore_number(DEVICE "/backend-id");
    connect((u32)domain);
    long sectors = backend_number("sectors");
    check(sectors > 8, "sectors: %u", (u32)sectors);
    check_equal(backend_number("sector-size"), SECTOR, "sector-size");
    transfer((u64)sectors);
    publish("state", 5);
    u64 end = now() + MILLISECONDS(2000);
    while (backend_number("state") < 5 && (s64)(now() - end) < 0)
        yield();
    check(backend_number("state") >= 5, "the back-end closes too");
    publish("state", 6);
}
