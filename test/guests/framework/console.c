/*
 * Output to the console ring that the toolstack gave the domain, or, for the initial domain, to
 * Xen's own console. A ring that nobody empties does not stop the guest for ever: what does not
 * fit in after a while is lost.
 */

#include "guest.h"

#define PATIENCE 100000

static struct xencons_interface *ring(void)
{
    if (is_initial_domain())
        return 0;
#if GUEST_TRANSLATED
    return address_of_pfn(start_info->console_mfn);
#else
    return address_of_pfn(pfn_of_mfn(start_info->console_mfn));
#endif
}

static void write_ring(struct xencons_interface *console, const char *text, u32 length)
{
    volatile u32 *consumer = &console->out_cons;
    u32 producer = console->out_prod, patience = PATIENCE;
    while (length) {
        if (producer - *consumer >= sizeof console->out) {
            if (!patience--)
                return;
            send(start_info->console_evtchn);
            yield();
            continue;
        }
        console->out[producer++ & (sizeof console->out - 1)] = *text++;
        length--;
        __asm__ volatile("" : : : "memory");
        console->out_prod = producer;
    }
    send(start_info->console_evtchn);
}

static void write_text(const char *text, u32 length)
{
    struct xencons_interface *console = ring();
    if (console)
        write_ring(console, text, length);
    else
        hypercall(HC_CONSOLE_IO, CONSOLEIO_WRITE, length, text);
}

void console_flush(void)
{
    struct xencons_interface *console = ring();
    if (!console)
        return;
    volatile u32 *consumer = &console->out_cons;
    for (u32 patience = PATIENCE; *consumer != console->out_prod && patience; patience--) {
        send(start_info->console_evtchn);
        yield();
    }
}

u32 console_read(char *to, u32 room)
{
    struct xencons_interface *console = ring();
    if (!console)
        return (u32)hypercall(HC_CONSOLE_IO, CONSOLEIO_READ, room, to);
    volatile u32 *producer = &console->in_prod;
    u32 length = 0;
    for (; console->in_cons != *producer && length < room; console->in_cons++)
        to[length++] = console->in[console->in_cons & (sizeof console->in - 1)];
    if (length)
        send(start_info->console_evtchn);
    return length;
}

void print(const char *format, ...)
{
    char line[512];
    arguments values;
    __builtin_va_start(values, format);
    u32 length = format_text(line, sizeof line, format, values);
    __builtin_va_end(values);
    write_text(line, length);
}

void fact(const char *name, const char *format, ...)
{
    char line[512];
    arguments values;
    u32 length = text_of(line, sizeof line, "fact %s = ", name);
    __builtin_va_start(values, format);
    length += format_text(line + length, sizeof line - length - 1, format, values);
    __builtin_va_end(values);
    line[length++] = '\n';
    write_text(line, length);
}
