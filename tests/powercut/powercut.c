// powercut DIR LOGDIR SEED lose|prefix|scatter[:KEEP_PER_MILLE]: applies the effect of a power cut to DIR.
//
// Reads the undo logs of all processes that worked in DIR under the shim (they must have ended), undoes every
// change that no sync covered, keeps some of them as the mode says, and removes logs and kept links. A name
// is durable when its folder was synced (POSIX), content when its file was synced. lose: nothing unsynced is
// kept. prefix: the first operations are kept, the next one is torn. scatter: names are kept as a prefix (a
// journal), content sector by sector.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "rec.h"

struct op { struct rec r; char *a, *b, *now; int durable; };
static struct op *ops;
static size_t count, room;
static char base[PATH_MAX];

static uint64_t chance;
static uint64_t draw(void) {
    uint64_t z = (chance += 0x9E3779B97F4A7C15ull);
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ z >> 27) * 0x94D049BB133111EBull;
    return z ^ z >> 31;
}
static void *checked(void *p) {
    if (!p) { perror("powercut"); exit(2); }
    return p;
}

// ---- inodes and their current paths
static struct place { uint64_t ino; char *path; int fd; } *places;
static size_t nplaces, placeroom;
static int visit(const char *p, const struct stat *st, int type, struct FTW *f) {
    (void)f;
    if (type != FTW_F) return 0;
    if (nplaces == placeroom) places = checked(realloc(places, (placeroom = placeroom * 2 + 1024) * sizeof *places));
    places[nplaces++] = (struct place){st->st_ino, checked(strdup(p)), -1};
    return 0;
}
static int by_ino(const void *x, const void *y) {
    uint64_t a = ((struct place *)x)->ino, b = ((struct place *)y)->ino;
    return a < b ? -1 : a > b;
}
// Opened before any name is undone and kept open: afterwards its path may belong to another file.
static int open_ino(uint64_t ino) {
    struct place key = {.ino = ino}, *found = bsearch(&key, places, nplaces, sizeof *places, by_ino);
    if (found && found->fd < 0) found->fd = open(found->path, O_RDWR);
    return found ? found->fd : -1;
}
static int is_inode(const char *p, uint64_t ino) {
    struct stat st;
    return !lstat(p, &st) && st.st_ino == ino;
}
static void make_parents(const char *p) { // recreates a folder that was removed when it was empty
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", p);
    for (char *s = folder + 1; (s = strchr(s, '/')); s++) {
        *s = 0;
        mkdir(folder, 0700);
        *s = '/';
    }
}
static void link_again(uint64_t ino, const char *p) {
    char kept[PATH_MAX + 64];
    snprintf(kept, sizeof kept, "%s/.powercut/%lu", base, (unsigned long)ino);
    make_parents(p);
    if (link(kept, p)) fprintf(stderr, "powercut: %s cannot come back: %s\n", p, strerror(errno));
}

// ---- the logs
static int by_time(const void *x, const void *y) {
    uint64_t a = ((struct op *)x)->r.when, b = ((struct op *)y)->r.when;
    return a < b ? -1 : a > b;
}
static void read_logs(const char *folder) {
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));) {
        char p[PATH_MAX];
        snprintf(p, sizeof p, "%s/%s", folder, e->d_name);
        FILE *f;
        struct op o = {0};
        if (!strstr(e->d_name, ".undo") || !(f = fopen(p, "rb"))) continue;
        // An incomplete record at the end: its operation was not started.
        while (fread(&o.r, sizeof o.r, 1, f) == 1 && o.r.magic == MAGIC) {
            o.a = checked(calloc(1, o.r.alen + 1));
            o.b = checked(calloc(1, o.r.blen + 1));
            if (fread(o.a, 1, o.r.alen, f) != o.r.alen || fread(o.b, 1, o.r.blen, f) != o.r.blen) break;
            if (count == room) ops = checked(realloc(ops, (room = room * 2 + 1024) * sizeof *ops));
            ops[count++] = o;
        }
        fclose(f);
        unlink(p);
    }
    if (d) closedir(d);
    if (count) qsort(ops, count, sizeof *ops, by_time);
}

// ---- what is durable
static int is_name(struct op *o) { return o->r.op == R_CREATE || o->r.op == R_UNLINK || o->r.op == R_RENAME; }
static int is_content(struct op *o) { return o->r.op == R_WRITE || o->r.op == R_TRUNC; }
static int lies_in(const char *p, const char *folder) {
    size_t n = strlen(folder);
    return !strncmp(p, folder, n) && p[n] == '/' && !strchr(p + n + 1, '/');
}
static void settle(void) {
    for (size_t i = count; i-- > 0;) { // from the last: its sync covers the earlier ones of the same inode
        struct op *sync = &ops[i];
        if (sync->durable || (sync->r.op != R_SYNC && sync->r.op != R_DIRSYNC)) continue;
        const char *folder = 0;
        for (size_t j = i; sync->r.op == R_DIRSYNC && j-- > 0 && !folder;)
            if (ops[j].r.op == R_NAME && ops[j].r.ino == sync->r.ino) folder = ops[j].a;
        for (size_t j = i; j-- > 0;) {
            struct op *o = &ops[j];
            if (o->r.op == sync->r.op && o->r.ino == sync->r.ino) o->durable = 1;
            if (sync->r.op == R_SYNC && is_content(o) && o->r.ino == sync->r.ino) o->durable = 1;
            // A rename is one record in the journal of the target folder.
            if (folder && is_name(o) && lies_in(o->r.op == R_RENAME ? o->b : o->a, folder)) o->durable = 1;
        }
    }
}

// ---- undoing and redoing
static void take_back(struct op *o) {
    int fd = is_content(o) ? open_ino(o->r.ino) : -1;
    struct stat st;
    switch (o->r.op) {
    case R_WRITE:
        if (fd < 0 || fstat(fd, &st)) break;
        o->now = checked(calloc(1, o->r.len + 1));
        ssize_t got = pread(fd, o->now, o->r.len, o->r.off);
        if (got < (ssize_t)o->r.len) o->r.len = got < 0 ? 0 : got;
        if (o->r.alen && pwrite(fd, o->a, o->r.alen, o->r.off) < 0) perror("powercut: write");
        if ((uint64_t)st.st_size > o->r.size && ftruncate(fd, o->r.size)) perror("powercut: truncate");
        break;
    case R_TRUNC:
        if (fd >= 0 && ftruncate(fd, o->r.size)) perror("powercut: truncate");
        break;
    case R_CREATE:
        if (is_inode(o->a, o->r.ino)) unlink(o->a);
        break;
    case R_UNLINK:
        if (access(o->a, F_OK)) link_again(o->r.ino, o->a);
        break;
    case R_RENAME:
        if (!is_inode(o->b, o->r.ino)) break;
        make_parents(o->a);
        if (rename(o->b, o->a)) perror("powercut: rename");
        if (o->r.off) link_again(o->r.off, o->b);
        break;
    }
}
static size_t sector_at(uint64_t place, uint64_t left) {
    uint64_t n = 512 - place % 512;
    return n < left ? n : left;
}
// Keeps some sectors; one lost sector in five is torn. In order: up to the first lost sector.
static void write_again(struct op *o, unsigned keep, int in_order) {
    int fd = open_ino(o->r.ino);
    for (uint64_t p = 0, n; fd >= 0 && p < o->r.len; p += n) {
        n = sector_at(o->r.off + p, o->r.len - p);
        int whole = draw() % 1000 < keep;
        size_t part = whole ? n : draw() % 5 ? 0 : draw() % (n + 1);
        if (part && pwrite(fd, o->now + p, part, o->r.off + p) < 0) perror("powercut: write");
        if (in_order && !whole) break;
    }
}
static void resize_again(struct op *o) {
    int fd = open_ino(o->r.ino);
    if (fd >= 0 && ftruncate(fd, o->r.len)) perror("powercut: truncate");
}
static void forget_kept(void) {
    char kept[PATH_MAX + 64];
    snprintf(kept, sizeof kept, "%s/.powercut", base);
    DIR *d = opendir(kept);
    if (!d) return;
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.') unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
    rmdir(kept);
}

int main(int argc, char **argv) {
    if (argc < 5 || !realpath(argv[1], base)) {
        fprintf(stderr, "usage: powercut DIR LOGDIR SEED lose|prefix|scatter[:N]\n");
        return 2;
    }
    chance = strtoull(argv[3], 0, 0);
    const char *mode = argv[4];
    int lose = !strcmp(mode, "lose"), scatter = !strncmp(mode, "scatter", 7);
    unsigned keep = strncmp(mode, "scatter:", 8) ? 500 : (unsigned)atoi(mode + 8);

    read_logs(argv[2]);
    nftw(base, visit, 32, FTW_PHYS);
    if (nplaces) qsort(places, nplaces, sizeof *places, by_ino);
    settle();

    size_t unsynced = 0, names = 0, seen = 0, back = 0, *open_ops = checked(malloc((count + 1) * sizeof *open_ops));
    for (size_t i = 0; i < count; i++)
        if ((is_name(&ops[i]) || is_content(&ops[i])) && !ops[i].durable) {
            open_ops[unsynced++] = i;
            if (is_content(&ops[i])) open_ino(ops[i].r.ino);
            names += is_name(&ops[i]);
        }
    size_t from = lose || scatter ? 0 : draw() % (unsynced + 1);
    size_t names_kept = scatter ? draw() % (names + 1) : 0;
    for (size_t i = 0; i < unsynced; i++)
        if (is_name(&ops[open_ops[i]]) && seen++ < names_kept) ops[open_ops[i]].durable = 1;
    for (size_t i = unsynced; i-- > from;)
        if (!ops[open_ops[i]].durable) {
            take_back(&ops[open_ops[i]]);
            back++;
        }
    for (size_t i = from; i < unsynced && !lose && (scatter || i == from); i++) {
        struct op *o = &ops[open_ops[i]];
        if (o->r.op == R_TRUNC && scatter && draw() % 1000 < keep) resize_again(o);
        if (o->r.op == R_WRITE && o->now) write_again(o, keep, !scatter);
    }
    forget_kept();
    printf("records=%zu unsynced=%zu rolled_back=%zu\n", count, unsynced, back);
    return 0;
}
