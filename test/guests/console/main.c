/*
 * The console both ways: prints more than the ring holds, then says each line back until "quit".
 *
 * Observed: "count 0" to "count 299" in order, then "ready", then "echo: <line>" for each line.
 * Expected: "Test result: SUCCESS" after "quit".
 */

#include "guest.h"

void test_main(void)
{
    char line[256];
    u32 length = 0, port = start_info->console_evtchn;
    for (u32 count = 0; count < 300; count++)
        print("count %u\n", count);
    print("ready\n");
    events_off();
    port_mask(port, 0);
    for (;;) {
        port_clear(port);
        u32 taken = console_read(line + length, sizeof line - 1 - length);
        if (!taken) {
            block();
            events_off();
            continue;
        }
        for (; taken; taken--, length++) {
            if (line[length] == '\r')
                line[length] = '\n';
            if (line[length] != '\n')
                continue;
            line[length] = 0;
            print("echo: %s\n", line);
            if (same_text(line, "quit"))
                return;
            memcpy(line, line + length + 1, taken - 1);
            length = (u32)-1;
        }
        if (length >= sizeof line - 1)
            length = 0;
    }
}
