/* Text without a C library: a small printf, and the memory functions that gcc may call. */

#include "guest.h"

void *memset(void *to, int value, unsigned long count)
{
    void *start = to;
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(count) : "a"(value) : "memory");
    return start;
}

void *memcpy(void *to, const void *from, unsigned long count)
{
    void *start = to;
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
    return start;
}

int memcmp(const void *left, const void *right, unsigned long count)
{
    const u8 *a = left, *b = right;
    for (; count; count--, a++, b++)
        if (*a != *b)
            return *a - *b;
    return 0;
}

u32 length_of(const char *text)
{
    u32 length = 0;
    while (text[length])
        length++;
    return length;
}

int same_text(const char *left, const char *right)
{
    while (*left && *left == *right)
        left++, right++;
    return *left == *right;
}

struct sink {
    char *to;
    u32 room, length;
};

static void put(struct sink *sink, char c)
{
    if (sink->length + 1 < sink->room)
        sink->to[sink->length++] = c;
}

/* Divides in place and returns the remainder: DIV twice, as gcc would call libgcc for it. */
static u32 divide(u64 *value, u32 by)
{
    u32 high = (u32)(*value >> 32), low = (u32)*value, rest = 0;
    __asm__("divl %2" : "+a"(high), "+d"(rest) : "r"(by) : "cc");
    __asm__("divl %2" : "+a"(low), "+d"(rest) : "r"(by) : "cc");
    *value = ((u64)high << 32) | low;
    return rest;
}

static void put_number(struct sink *sink, u64 value, u32 base, u32 width, char padding)
{
    char digits[24];
    u32 count = 0;
    do
        digits[count++] = "0123456789abcdef"[divide(&value, base)];
    while (value);
    for (; width > count; width--)
        put(sink, padding);
    while (count)
        put(sink, digits[--count]);
}

static void put_text(struct sink *sink, const char *text, u32 width)
{
    u32 length = length_of(text);
    for (const char *c = text; *c; c++)
        put(sink, *c);
    for (; width > length; width--)
        put(sink, ' ');
}

u32 format_text(char *to, u32 room, const char *format, arguments values)
{
    struct sink sink = { to, room, 0 };
    for (; *format; format++) {
        if (*format != '%') {
            put(&sink, *format);
            continue;
        }
        u32 width = 0, longs = 0;
        char padding = ' ';
        format++;
        if (*format == '0')
            padding = '0', format++;
        for (; *format >= '0' && *format <= '9'; format++)
            width = width * 10 + (u32)(*format - '0');
        for (; *format == 'l'; format++)
            longs++;
        if (*format == 'c') {
            put(&sink, (char)__builtin_va_arg(values, int));
        } else if (*format == 's') {
            put_text(&sink, __builtin_va_arg(values, const char *), width);
        } else if (*format == 'd') {
            s64 value = longs > 1 ? __builtin_va_arg(values, s64) : __builtin_va_arg(values, int);
            if (value < 0)
                put(&sink, '-');
            put_number(&sink, (u64)(value < 0 ? -value : value), 10, width, padding);
        } else if (*format == 'u' || *format == 'x') {
            u64 value = longs > 1 ? __builtin_va_arg(values, u64) : __builtin_va_arg(values, u32);
            put_number(&sink, value, *format == 'u' ? 10 : 16, width, padding);
        } else {
            put(&sink, *format);
        }
    }
    if (room)
        to[sink.length] = 0;
    return sink.length;
}

u32 text_of(char *to, u32 room, const char *format, ...)
{
    arguments values;
    __builtin_va_start(values, format);
    u32 length = format_text(to, room, format, values);
    __builtin_va_end(values);
    return length;
}
