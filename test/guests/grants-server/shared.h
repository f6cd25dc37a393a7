/* What the two ends of the grant test share: references, and the words of the first page. */
#pragma once

#include "guest.h"

#define MAGIC 0x600dcafeu
#define REF_SHARED 8u   /* words below; writable */
#define REF_READ 9u     /* a pattern; read-only */
#define REF_COPY 10u    /* where the client copies to */
#define REF_TRANSFER 11u
#define REF_FOREIGN 12u /* granted to domain 0 */

enum word { WORD_MAGIC, WORD_PORT, WORD_CLIENT, WORD_SERVER, WORD_DATA, WORD_TRANSFERS };
enum stage { STAGE_MAPPED = 1, STAGE_COPIED, STAGE_SENT, STAGE_TRANSFERRED, STAGE_LEAVING };

#define PATTERN(at) ((u8)((at) * 13 + 5))
#define PATIENCE MILLISECONDS(10000)

/* Sleeps a little, so that the other end comes to its turn. */
static inline void rest(void)
{
    struct sched_poll nothing = { 0, 0, now() + MILLISECONDS(1) };
    sched_op(SCHEDOP_POLL, &nothing);
}

/* Waits until the other end has come so far. */
static inline void await(volatile u32 *shared, enum word word, u32 stage)
{
    u64 end = now() + PATIENCE;
    while (shared[word] < stage) {
        if ((s64)(now() - end) > 0)
            fail_now("the other end stays at stage %u of %u", shared[word], stage);
        rest();
    }
}
