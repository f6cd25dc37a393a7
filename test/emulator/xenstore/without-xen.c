/*
 * Lets Xen's xenstored run where there is no Xen: preloaded, it stands in for the libraries that
 * would talk to the hypervisor.
 *
 * All is in the folder that RINGSIDE_XENSTORED names: the page of domain N is the file ring-N, the
 * domain exists while that file does, and each byte written to the FIFO events is an event, 'v' for
 * the one that says that a domain has gone.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { VIRQ_PORT = 100, OTHER_PORT = 1 };

static char handle;

static const char *file(const char *kind, unsigned int domain, char *path)
{
    snprintf(path, 4096, "%s/%s-%u", getenv("RINGSIDE_XENSTORED"), kind, domain);
    return path;
}

void *xc_interface_open(void *logger, void *dombuild_logger, unsigned flags) { return &handle; }
int xc_interface_close(void *xch) { return 0; }

/* struct xc_dominfo begins with domid, ssidref and the flags, all clear. */
int xc_domain_getinfo(void *xch, uint32_t first, unsigned int max, uint32_t *info)
{
    char path[4096];

    memset(info, 0, 12);
    info[0] = first;
    return access(file("ring", first, path), F_OK) == 0;
}

void *xenevtchn_open(void *logger, unsigned int flags) { return &handle; }
void *xenevtchn_fdopen(void *logger, int fd, unsigned int flags) { return &handle; }

int xenevtchn_fd(void *xce)
{
    static int fd = -1;
    char path[4096];

    if (fd < 0) {
        snprintf(path, sizeof(path), "%s/events", getenv("RINGSIDE_XENSTORED"));
        fd = open(path, O_RDWR | O_NONBLOCK);
    }
    return fd;
}

int xenevtchn_pending(void *xce)
{
    char event = 0;

    return read(xenevtchn_fd(xce), &event, 1) != 1 ? -1 : event == 'v' ? VIRQ_PORT : OTHER_PORT;
}

int xenevtchn_bind_interdomain(void *xce, uint32_t domain, uint32_t port) { return OTHER_PORT; }
int xenevtchn_bind_virq(void *xce, unsigned int virq) { return VIRQ_PORT; }
int xenevtchn_unbind(void *xce, uint32_t port) { return 0; }
int xenevtchn_unmask(void *xce, uint32_t port) { return 0; }
int xenevtchn_notify(void *xce, uint32_t port) { return 0; }

void *xengnttab_open(void *logger, unsigned int flags) { return &handle; }
int xengnttab_close(void *xgt) { return 0; }
int xengnttab_set_max_grants(void *xgt, uint32_t count) { return 0; }
int xengnttab_unmap(void *xgt, void *start, uint32_t count) { return munmap(start, 4096 * count); }

void *xengnttab_map_grant_ref(void *xgt, uint32_t domain, uint32_t ref, int prot)
{
    char path[4096];
    int fd = open(file("ring", domain, path), O_RDWR);
    void *page;

    if (fd < 0)
        return NULL;
    page = mmap(NULL, 4096, prot, MAP_SHARED, fd, 0);
    close(fd);
    return page == MAP_FAILED ? NULL : page;
}

/* Domain 0's page and port are had from files that Linux offers. */
int open(const char *path, int flags, ...)
{
    int (*next)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
    char ours[4096];
    va_list arguments;
    mode_t mode;

    va_start(arguments, flags);
    mode = va_arg(arguments, mode_t);
    va_end(arguments);
    if (!strcmp(path, "/proc/xen/xsd_kva") || !strcmp(path, "/dev/xen/xsd_kva"))
        return next(file("ring", 0, ours), O_RDWR);
    if (!strcmp(path, "/proc/xen/xsd_port"))
        return next(file("port", 0, ours), O_RDONLY);
    return next(path, flags, mode);
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));
