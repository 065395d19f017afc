// Preloaded into a program, this library records how to undo every change under $POWERCUT_DIR that was not
// synced.
//
// The undo log is one file per process in $POWERCUT_LOG, which must be another file system (a tmpfs). Records
// are written before the operation and survive SIGKILL; `powercut` then undoes what no sync covered. A file
// that is unlinked or replaced is kept by a hard link in DIR/.powercut until then.
//
//   POWERCUT_NOFSYNC  skips the real fsync: only the record counts, and the run is several times faster
//   POWERCUT_LIE      a sync reports success and is not recorded: an audit must find the loss
//
// Not covered: static and Go programs, raw system calls, io_uring, writable mmap, copy_file_range, sendfile,
// creation and removal of folders. A WAL index (-shm) is left out: it is mapped, rebuilt after a crash and
// never durable.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include "rec.h"

static char dir[PATH_MAX], logdir[PATH_MAX - 64];
static size_t dirlen;
static int logfd = -1, logpid, lie, nofsync;
static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER; // a record and its effect stay together
enum what { NOT_OURS, FILE_FD, FOLDER_FD };
static struct fd { char what; uint64_t ino; } fds[65536];

__attribute__((constructor)) static void init(void) {
    const char *d = getenv("POWERCUT_DIR"), *l = getenv("POWERCUT_LOG");
    lie = getenv("POWERCUT_LIE") != 0;
    nofsync = getenv("POWERCUT_NOFSYNC") != 0;
    if (d && l && realpath(d, dir)) {
        snprintf(logdir, sizeof logdir, "%s", l);
        dirlen = strlen(dir);
    }
}

// Writes the absolute path of p to `out`, if it is under DIR.
static int under(int at, const char *p, char *out) {
    if (!dirlen || !p) return 0;
    if (p[0] == '/') {
        snprintf(out, PATH_MAX, "%s", p);
    } else {
        char base[PATH_MAX];
        if (at == AT_FDCWD) {
            if (!getcwd(base, sizeof base)) return 0;
        } else {
            char link[64];
            snprintf(link, sizeof link, "/proc/self/fd/%d", at);
            ssize_t n = readlink(link, base, sizeof base - 1);
            if (n < 0) return 0;
            base[n] = 0;
        }
        if (snprintf(out, PATH_MAX, "%s/%s", base, p) >= PATH_MAX) return 0;
    }
    if (!strncmp(out, dir, dirlen) && (out[dirlen] == '/' || !out[dirlen])) return 1;
    char parent[PATH_MAX], real[PATH_MAX]; // a symbolic link may lead into DIR
    snprintf(parent, sizeof parent, "%s", out);
    char *slash = strrchr(parent, '/');
    if (!slash || slash == parent) return 0;
    *slash = 0;
    if (!realpath(parent, real) || strncmp(real, dir, dirlen) || (real[dirlen] && real[dirlen] != '/')) return 0;
    char name[NAME_MAX + 1];
    snprintf(name, sizeof name, "%s", slash + 1);
    return snprintf(out, PATH_MAX, "%s/%s", real, name) < PATH_MAX;
}
static int is_shm(const char *p) {
    size_t n = strlen(p);
    return n > 4 && !strcmp(p + n - 4, "-shm");
}

// Appends one whole record; the caller holds `mu`. Without the log the run would show nothing, so the process
// aborts.
static void put(struct rec r, const void *a, const void *b) {
    int pid = getpid();
    if (logfd < 0 || pid != logpid) { // the first time, and after a fork
        char p[PATH_MAX];
        snprintf(p, sizeof p, "%s/%d.%ld.undo", logdir, pid, (long)time(0));
        int fd = syscall(SYS_openat, AT_FDCWD, p, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (fd < 0) { perror("powercut log"); abort(); }
        logfd = fcntl(fd, F_DUPFD_CLOEXEC, 900);
        if (logfd < 0) logfd = fd; else syscall(SYS_close, fd);
        logpid = pid;
    }
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    r.magic = MAGIC;
    r.when = ts.tv_sec * 1000000000ull + ts.tv_nsec;
    struct iovec v[3] = {{&r, sizeof r}, {(void *)a, r.alen}, {(void *)b, r.blen}};
    if (syscall(SYS_writev, logfd, v, 3) != (ssize_t)(sizeof r + r.alen + r.blen)) { perror("powercut log"); abort(); }
}
static struct fd *ours(int fd) { return dirlen && fd >= 0 && fd < 65536 && fds[fd].what ? &fds[fd] : 0; }
static void forget(int fd) { if (fd >= 0 && fd < 65536) fds[fd].what = NOT_OURS; }

static ssize_t read_old(int fd, char *buf, size_t n, off_t at) {
    ssize_t got = syscall(SYS_pread64, fd, buf, n, at);
    if (got >= 0) return got;
    char p[64]; // opened for writing only: open it again for reading
    snprintf(p, sizeof p, "/proc/self/fd/%d", fd);
    int f = syscall(SYS_openat, AT_FDCWD, p, O_RDONLY | O_CLOEXEC);
    got = syscall(SYS_pread64, f, buf, n, at);
    syscall(SYS_close, f);
    return got < 0 ? 0 : got;
}
// Saves the content that n bytes at `at` will replace. `again`: powercut may write some of the new bytes
// again.
static void before_write(struct fd *f, int fd, off_t at, size_t n, int again) {
    static char buf[1 << 20];
    struct stat st;
    if (fstat(fd, &st)) return;
    size_t old = at < st.st_size ? (size_t)(st.st_size - at) : 0, done = 0;
    if (old > n) old = n;
    do {
        size_t k = old - done > sizeof buf ? sizeof buf : old - done;
        ssize_t got = k ? read_old(fd, buf, k, at + done) : 0;
        int last = done + k >= old; // the last piece carries the rest of the new range
        uint64_t len = !again ? 0 : last ? n - done : k;
        put((struct rec){.op = R_WRITE, .ino = f->ino, .off = at + done, .len = len, .size = st.st_size, .alen = got}, buf, 0);
        done += k;
    } while (done < old);
}
static void before_resize(struct fd *f, int fd, off_t to) {
    struct stat st;
    if (fstat(fd, &st)) return;
    if (to < st.st_size) before_write(f, fd, to, st.st_size - to, 0);
    put((struct rec){.op = R_TRUNC, .ino = f->ino, .len = to, .size = st.st_size}, 0, 0);
}

// ---- opening and closing
static int do_open(int at, const char *path, int flags, mode_t mode) {
    char p[PATH_MAX];
    struct stat st;
    if (!under(at, path, p) || is_shm(p)) {
        int fd = syscall(SYS_openat, at, path, flags, mode);
        forget(fd);
        return fd;
    }
    pthread_mutex_lock(&mu);
    int existed = !stat(p, &st), truncate = existed && (flags & O_TRUNC) && S_ISREG(st.st_mode);
    int fd = syscall(SYS_openat, at, path, truncate ? flags & ~O_TRUNC : flags, mode), error = errno;
    forget(fd);
    if (fd >= 0 && fd < 65536 && !fstat(fd, &st) && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))) {
        fds[fd] = (struct fd){S_ISDIR(st.st_mode) ? FOLDER_FD : FILE_FD, st.st_ino};
        uint32_t n = strlen(p);
        put((struct rec){.op = R_NAME, .ino = st.st_ino, .alen = n}, p, 0);
        if (!existed && (flags & O_CREAT)) put((struct rec){.op = R_CREATE, .ino = st.st_ino, .alen = n}, p, 0);
        if (truncate) { // the shim truncates, after the old content was saved
            before_resize(&fds[fd], fd, 0);
            syscall(SYS_ftruncate, fd, 0L);
        }
    }
    pthread_mutex_unlock(&mu);
    errno = error;
    return fd;
}
#define MODE(flags) ({ va_list ap; va_start(ap, flags); \
    mode_t m = (flags) & (O_CREAT | __O_TMPFILE) ? va_arg(ap, mode_t) : 0; va_end(ap); m; })
int open(const char *p, int flags, ...) { return do_open(AT_FDCWD, p, flags, MODE(flags)); }
int open64(const char *p, int flags, ...) { return do_open(AT_FDCWD, p, flags | O_LARGEFILE, MODE(flags)); }
int openat(int at, const char *p, int flags, ...) { return do_open(at, p, flags, MODE(flags)); }
int openat64(int at, const char *p, int flags, ...) { return do_open(at, p, flags | O_LARGEFILE, MODE(flags)); }
int creat(const char *p, mode_t m) { return do_open(AT_FDCWD, p, O_CREAT | O_WRONLY | O_TRUNC, m); }
int creat64(const char *p, mode_t m) { return creat(p, m); }
int close(int fd) {
    if (fd >= 0 && fd == logfd) return 0; // a program that closes everything must not take the log
    forget(fd);
    return syscall(SYS_close, fd);
}
static int copied(int from, int to) {
    if (from >= 0 && to >= 0 && from < 65536 && to < 65536) fds[to] = fds[from];
    return to;
}
int dup(int fd) { return copied(fd, syscall(SYS_dup, fd)); }
int dup2(int fd, int to) { return fd == to ? to : copied(fd, syscall(SYS_dup3, fd, to, 0)); }

// ---- content
#define GUARDED(call, before) \
    struct fd *f = ours(fd); \
    if (!f || f->what != FILE_FD) return call; \
    pthread_mutex_lock(&mu); \
    before; \
    ssize_t rc = call; \
    int error = errno; \
    pthread_mutex_unlock(&mu); \
    errno = error; \
    return rc
static off_t position(int fd) {
    struct stat st;
    if (!(fcntl(fd, F_GETFL) & O_APPEND)) return lseek(fd, 0, SEEK_CUR);
    return fstat(fd, &st) ? 0 : st.st_size;
}
static size_t length(const struct iovec *v, int count) {
    size_t n = 0;
    for (int i = 0; i < count; i++) n += v[i].iov_len;
    return n;
}
ssize_t write(int fd, const void *b, size_t n) { GUARDED(syscall(SYS_write, fd, b, n), before_write(f, fd, position(fd), n, 1)); }
ssize_t pwrite(int fd, const void *b, size_t n, off_t o) { GUARDED(syscall(SYS_pwrite64, fd, b, n, o), before_write(f, fd, o, n, 1)); }
ssize_t pwrite64(int fd, const void *b, size_t n, off64_t o) { return pwrite(fd, b, n, o); }
ssize_t writev(int fd, const struct iovec *v, int c) { GUARDED(syscall(SYS_writev, fd, v, c), before_write(f, fd, position(fd), length(v, c), 1)); }
ssize_t pwritev(int fd, const struct iovec *v, int c, off_t o) { GUARDED(syscall(SYS_pwritev, fd, v, c, o, 0), before_write(f, fd, o, length(v, c), 1)); }
ssize_t pwritev64(int fd, const struct iovec *v, int c, off64_t o) { return pwritev(fd, v, c, o); }
int ftruncate(int fd, off_t n) { GUARDED(syscall(SYS_ftruncate, fd, n), before_resize(f, fd, n)); }
int ftruncate64(int fd, off64_t n) { return ftruncate(fd, n); }
int fallocate(int fd, int m, off_t o, off_t n) { GUARDED(syscall(SYS_fallocate, fd, m, o, n), before_resize(f, fd, o + n)); }
int fallocate64(int fd, int m, off64_t o, off64_t n) { return fallocate(fd, m, o, n); }
int posix_fallocate(int fd, off_t o, off_t n) { return fallocate(fd, 0, o, n) ? errno : 0; }
int posix_fallocate64(int fd, off64_t o, off64_t n) { return posix_fallocate(fd, o, n); }

// ---- syncs: the record follows the real sync, so a crash in between counts as "not durable".
// sync_file_range guarantees nothing.
static int synced(int fd, int rc) {
    struct fd *f = ours(fd);
    if (rc || !f || lie) return rc;
    pthread_mutex_lock(&mu);
    put((struct rec){.op = f->what == FOLDER_FD ? R_DIRSYNC : R_SYNC, .ino = f->ino}, 0, 0);
    pthread_mutex_unlock(&mu);
    return 0;
}
int fsync(int fd) { return synced(fd, nofsync && ours(fd) ? 0 : (int)syscall(SYS_fsync, fd)); }
int fdatasync(int fd) { return synced(fd, nofsync && ours(fd) ? 0 : (int)syscall(SYS_fdatasync, fd)); }

// ---- names
static uint64_t keep_alive(const char *p) { // returns its inode, or 0 if there is nothing to keep
    struct stat st;
    char k[PATH_MAX];
    if (lstat(p, &st) || !S_ISREG(st.st_mode)) return 0;
    snprintf(k, sizeof k, "%.3800s/.powercut", dir);
    mkdir(k, 0700);
    snprintf(k, sizeof k, "%.3800s/.powercut/%lu", dir, (unsigned long)st.st_ino);
    syscall(SYS_linkat, AT_FDCWD, p, AT_FDCWD, k, 0); // it may exist already
    return st.st_ino;
}
static int do_unlink(int at, const char *path, int flags) {
    char p[PATH_MAX];
    if (flags || !under(at, path, p) || is_shm(p)) return syscall(SYS_unlinkat, at, path, flags);
    pthread_mutex_lock(&mu);
    uint64_t ino = keep_alive(p);
    if (ino) put((struct rec){.op = R_UNLINK, .ino = ino, .alen = strlen(p)}, p, 0);
    int rc = syscall(SYS_unlinkat, at, path, 0), error = errno;
    pthread_mutex_unlock(&mu);
    errno = error;
    return rc;
}
int unlink(const char *p) { return do_unlink(AT_FDCWD, p, 0); }
int unlinkat(int at, const char *p, int flags) { return do_unlink(at, p, flags); }
int remove(const char *p) {
    int rc = unlink(p);
    return rc && errno == EISDIR ? (int)syscall(SYS_unlinkat, AT_FDCWD, p, AT_REMOVEDIR) : rc;
}
static int do_rename(int a, const char *from, int b, const char *to, unsigned flags) {
    char p[PATH_MAX], q[PATH_MAX];
    struct stat st;
    if (!under(a, from, p) || !under(b, to, q) || lstat(p, &st)) return syscall(SYS_renameat2, a, from, b, to, flags);
    pthread_mutex_lock(&mu);
    uint64_t old = keep_alive(q);
    put((struct rec){.op = R_RENAME, .ino = st.st_ino, .off = old, .alen = strlen(p), .blen = strlen(q)}, p, q);
    int rc = syscall(SYS_renameat2, a, from, b, to, flags), error = errno;
    pthread_mutex_unlock(&mu);
    errno = error;
    return rc;
}
int rename(const char *from, const char *to) { return do_rename(AT_FDCWD, from, AT_FDCWD, to, 0); }
int renameat(int a, const char *from, int b, const char *to) { return do_rename(a, from, b, to, 0); }
int renameat2(int a, const char *from, int b, const char *to, unsigned flags) { return do_rename(a, from, b, to, flags); }
int linkat(int a, const char *from, int b, const char *to, int flags) {
    char q[PATH_MAX];
    struct stat st;
    int ours_too = under(b, to, q);
    pthread_mutex_lock(&mu);
    int rc = syscall(SYS_linkat, a, from, b, to, flags), error = errno;
    if (!rc && ours_too && !lstat(q, &st)) put((struct rec){.op = R_CREATE, .ino = st.st_ino, .alen = strlen(q)}, q, 0);
    pthread_mutex_unlock(&mu);
    errno = error;
    return rc;
}
int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }
