/*
 * A client of xenstore on the ring page: requests one at a time, watch events kept aside. It waits
 * by yielding, so that it needs no upcalls, and gives up after some seconds.
 */

#include "guest.h"

#define PATIENCE MILLISECONDS(5000)
#define EVENTS 8u

char xenstore_error[32];

static struct { char text[256]; u32 length; } events[EVENTS];
static u32 first_event, last_event, next_request;

static struct xenstore_interface *ring(void)
{
    if (is_initial_domain())
        fail_now("the initial domain has no xenstore ring");
    return address_of_pfn(GUEST_TRANSLATED ? start_info->store_mfn : pfn_of_mfn(start_info->store_mfn));
}

static void put(const void *bytes, u32 length)
{
    struct xenstore_interface *store = ring();
    volatile u32 *consumer = &store->req_cons;
    u64 end = now() + PATIENCE;
    for (const char *byte = bytes; length;) {
        if (store->req_prod - *consumer >= sizeof store->req) {
            if ((s64)(now() - end) > 0)
                fail_now("xenstore takes no request");
            send(start_info->store_evtchn);
            yield();
            continue;
        }
        store->req[store->req_prod & (sizeof store->req - 1)] = *byte++;
        __asm__ volatile("" : : : "memory");
        store->req_prod++;
        length--;
    }
}

static int there(void)
{
    return *(volatile u32 *)&ring()->rsp_prod != ring()->rsp_cons;
}

static void get(void *bytes, u32 length)
{
    struct xenstore_interface *store = ring();
    u64 end = now() + PATIENCE;
    for (char *byte = bytes; length;) {
        if (!there()) {
            if ((s64)(now() - end) > 0)
                fail_now("xenstore does not answer");
            send(start_info->store_evtchn);
            yield();
            continue;
        }
        *byte++ = store->rsp[store->rsp_cons & (sizeof store->rsp - 1)];
        store->rsp_cons++;
        length--;
    }
}

static char payload[XENSTORE_PAYLOAD_MAX + 1];

/* Reads one message; watch events are put aside and answer 0. */
static int take(struct xsd_sockmsg *header)
{
    get(header, sizeof *header);
    if (header->len > XENSTORE_PAYLOAD_MAX)
        fail_now("xenstore sent a message of %u bytes", header->len);
    get(payload, header->len);
    payload[header->len] = 0;
    send(start_info->store_evtchn);
    if (header->type != XS_WATCH_EVENT)
        return 1;
    if (last_event - first_event < EVENTS && header->len < sizeof events->text) {
        memcpy(events[last_event % EVENTS].text, payload, header->len);
        events[last_event++ % EVENTS].length = header->len;
    }
    return 0;
}

long xenstore(u32 type, u32 transaction, const void *request, u32 length, char *reply, u32 room)
{
    struct xsd_sockmsg header = { type, ++next_request, transaction, length };
    put(&header, sizeof header);
    put(request, length);
    send(start_info->store_evtchn);
    while (!take(&header))
        ;
    if (header.req_id != next_request)
        fail_now("xenstore answered request %u in place of %u", header.req_id, next_request);
    if (header.type == XS_ERROR) {
        text_of(xenstore_error, sizeof xenstore_error, "%s", payload);
        return -1;
    }
    xenstore_error[0] = 0;
    if (header.type != type)
        fail_now("xenstore answered type %u in place of %u", header.type, type);
    u32 taken = header.len < room ? header.len : room;
    memcpy(reply, payload, taken);
    if (taken < room)
        reply[taken] = 0;
    return (long)header.len;
}

long xenstore_read(const char *path, char *to, u32 room)
{
    return xenstore(XS_READ, 0, path, length_of(path) + 1, to, room);
}

long xenstore_write(const char *path, const char *value)
{
    char request[512], reply[8];
    u32 name = length_of(path) + 1, length = length_of(value);
    memcpy(request, path, name);
    memcpy(request + name, value, length);
    return xenstore(XS_WRITE, 0, request, name + length, reply, sizeof reply);
}

long xenstore_number(const char *path)
{
    char text[32];
    long value = 0;
    if (xenstore_read(path, text, sizeof text) < 0)
        return -1;
    for (const char *digit = text; *digit >= '0' && *digit <= '9'; digit++)
        value = value * 10 + (*digit - '0');
    return value;
}

int xenstore_event(char *path, char *token, u32 room, u64 patience)
{
    struct xsd_sockmsg header;
    u64 end = now() + patience;
    while (first_event == last_event) {
        if (there()) {
            if (take(&header))
                fail_now("xenstore answered what was not asked");
            continue;
        }
        if ((s64)(now() - end) > 0)
            return 0;
        yield();
    }
    const char *text = events[first_event++ % EVENTS].text;
    text_of(path, room, "%s", text);
    text_of(token, room, "%s", text + length_of(text) + 1);
    return 1;
}
