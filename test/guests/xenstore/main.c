/*
 * xenstore: reading, writing, directories, removal, watches, transactions, permissions, errors.
 *
 * Observed: replies and watch events. Expected: "Test result: SUCCESS".
 */

#include "guest.h"

static char reply[XENSTORE_PAYLOAD_MAX];

static long ask(u32 type, u32 transaction, const char *path)
{
    return xenstore(type, transaction, path, length_of(path) + 1, reply, sizeof reply);
}

static long write_in(u32 transaction, const char *path, const char *value)
{
    char request[256];
    u32 name = length_of(path) + 1, length = length_of(value);
    memcpy(request, path, name);
    memcpy(request + name, value, length);
    return xenstore(XS_WRITE, transaction, request, name + length, reply, sizeof reply);
}

static void refused(long result, const char *error, const char *what)
{
    check(result < 0 && same_text(xenstore_error, error), "%s: %s", what,
          result < 0 ? xenstore_error : "no error");
}

static void nodes(void)
{
    char expected[32];
    check(ask(XS_READ, 0, "domid") > 0, "a relative path is one's own: domid %s", reply);
    text_of(expected, sizeof expected, "/local/domain/%s", reply);
    u32 length = length_of(reply) + 1;
    char id[16];
    memcpy(id, reply, length);
    check(xenstore(XS_GET_DOMAIN_PATH, 0, id, length, reply, sizeof reply) > 0
              && same_text(reply, expected), "one's path is %s", reply);
    check_equal(xenstore_write("data/test/deep", "value"), 3, "a write answers OK and its NUL");
    check(ask(XS_READ, 0, "data/test/deep") == 5 && same_text(reply, "value"),
          "and is read back without a NUL");
    check(ask(XS_READ, 0, "data/test") == 0, "the node above was made, empty");
    check(ask(XS_MKDIR, 0, "data/test/made") == 3, "mkdir");
    check(ask(XS_DIRECTORY, 0, "data/test") == 10 && same_text(reply, "deep")
              && same_text(reply + 5, "made"), "the directory lists both: %s, %s", reply, reply + 5);
    check(ask(XS_RM, 0, "data/test/made") == 3, "rm");
    check(ask(XS_RM, 0, "data/test/made") == 3, "rm of what is not there");
    refused(ask(XS_RM, 0, "data/no/such"), "ENOENT", "rm where nothing is above");
    refused(ask(XS_READ, 0, "data/none"), "ENOENT", "read of what is not there");
    refused(ask(XS_DIRECTORY, 0, "data/none"), "ENOENT", "directory of what is not there");
    refused(ask(XS_READ, 0, "data//x"), "EINVAL", "a path with an empty name");
    refused(ask(XS_READ, 0, "data/x/"), "EINVAL", "a path that ends with a slash");
    refused(xenstore_write("/local/domain/0/x", "1"), "EACCES", "a write to another domain's node");
    refused(ask(XS_READ, 0, "/local/domain/0/no"), "EACCES", "what may not be read hides");
    refused(xenstore(90, 0, "x", 2, reply, sizeof reply), "ENOSYS", "a type that is none");
    refused(xenstore(XS_READ, 0, "", 0, reply, sizeof reply), "EINVAL", "a request without a path");
}

static void watches(void)
{
    char path[64], token[64];
    static const char request[] = "data/watched\0tok";
    check_equal(xenstore(XS_WATCH, 0, request, sizeof request, reply, sizeof reply), 3, "a watch");
    check(xenstore_event(path, token, sizeof path, MILLISECONDS(1000))
              && same_text(path, "data/watched") && same_text(token, "tok"),
          "fires once when it is set, with the path as given");
    refused(xenstore(XS_WATCH, 0, request, sizeof request, reply, sizeof reply), "EEXIST",
            "the same watch again");
    xenstore_write("data/watched/below", "1");
    check(xenstore_event(path, token, sizeof path, MILLISECONDS(1000))
              && same_text(path, "data/watched/below"), "fires for a node below: %s", path);
    xenstore_write("data/watcher", "1");
    check(!xenstore_event(path, token, sizeof path, MILLISECONDS(50)), "not for a name that begins alike");
    ask(XS_RM, 0, "data/watched");
    check(xenstore_event(path, token, sizeof path, MILLISECONDS(1000)), "fires when it is removed");
    while (xenstore_event(path, token, sizeof path, MILLISECONDS(20)))
        ;
    check_equal(xenstore(XS_UNWATCH, 0, request, sizeof request, reply, sizeof reply), 3, "unwatch");
    xenstore_write("data/watched", "1");
    check(!xenstore_event(path, token, sizeof path, MILLISECONDS(50)), "after which nothing fires");
    refused(xenstore(XS_UNWATCH, 0, request, sizeof request, reply, sizeof reply), "ENOENT",
            "unwatch of no watch");
}

static u32 begin(void)
{
    u32 number = 0;
    if (xenstore(XS_TRANSACTION_START, 0, "", 1, reply, sizeof reply) < 1)
        fail_now("no transaction: %s", xenstore_error);
    for (const char *digit = reply; *digit; digit++)
        number = number * 10 + (u32)(*digit - '0');
    return number;
}

static long end(u32 transaction, const char *how)
{
    return ask(XS_TRANSACTION_END, transaction, how);
}

static void transactions(void)
{
    xenstore_write("data/t", "old");
    u32 one = begin();
    check(one != 0, "a transaction has a number");
    write_in(one, "data/t", "new");
    check(ask(XS_READ, 0, "data/t") == 3 && same_text(reply, "old"), "outside nothing has changed");
    check(ask(XS_READ, one, "data/t") == 3 && same_text(reply, "new"), "inside it has");
    check_equal(end(one, "T"), 3, "it is committed");
    check(ask(XS_READ, 0, "data/t") == 3 && same_text(reply, "new"), "and seen");
    one = begin();
    write_in(one, "data/t", "never");
    check_equal(end(one, "F"), 3, "one is given up");
    check(ask(XS_READ, 0, "data/t") == 3 && same_text(reply, "new"), "and leaves nothing");
    one = begin();
    ask(XS_READ, one, "data/t");
    write_in(one, "data/t", "late");
    xenstore_write("data/t", "meanwhile");
    refused(end(one, "T"), "EAGAIN", "a conflict");
    check(ask(XS_READ, 0, "data/t") == 9 && same_text(reply, "meanwhile"), "keeps what came first");
    refused(ask(XS_READ, 4711, "data/t"), "ENOENT", "a transaction that is none");
}

static void permissions(void)
{
    static const char request[] = "data/t\0n1\0r0";
    check(ask(XS_GET_PERMS, 0, "data/t") > 1, "permissions: %s", reply);
    char owner = reply[1];
    char changed[sizeof request];
    memcpy(changed, request, sizeof request);
    changed[8] = owner;
    check_equal(xenstore(XS_SET_PERMS, 0, changed, sizeof changed, reply, sizeof reply), 3, "are set");
    check(ask(XS_GET_PERMS, 0, "data/t") == 6 && same_text(reply + 3, "r0"), "and read back: %s, %s",
          reply, reply + 3);
}

void test_main(void)
{
    nodes();
    watches();
    transactions();
    permissions();
    ask(XS_RM, 0, "data/test");
}
