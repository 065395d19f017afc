// Preloaded into a program, this library makes every sync succeed without being done.
//
// For `cargo xtask bench peers`: tusd never syncs, so a server that syncs is compared with it at equal durability (none)
// only without its syncs. Not covered: static and Go programs, raw system calls.
#define _GNU_SOURCE
#include <stddef.h>
#include <sys/types.h>

int fsync(int fd) { (void)fd; return 0; }
int fdatasync(int fd) { (void)fd; return 0; }
int syncfs(int fd) { (void)fd; return 0; }
int msync(void *at, size_t length, int flags) { (void)at; (void)length; (void)flags; return 0; }
int sync_file_range(int fd, off_t from, off_t bytes, unsigned int flags) {
    (void)fd; (void)from; (void)bytes; (void)flags;
    return 0;
}
void sync(void) {}
