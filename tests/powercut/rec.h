// One record of the undo log: this head, then `alen` bytes (a path, or old content), then `blen` bytes (a second path).
#include <stdint.h>
#define MAGIC 0x50435554u
enum kind {
    R_NAME = 1, // inode `ino` is known under path a (needed for folders)
    R_CREATE,   // path a was created for `ino`
    R_WRITE,    // `len` bytes at `off` are about to be written; a is what was there, `size` the old length
    R_TRUNC,    // the length is about to become `len`; `size` is the old one
    R_SYNC,     // everything written to `ino` before this is durable
    R_DIRSYNC,  // every name in folder `ino` changed before this is durable
    R_UNLINK,   // path a is about to be removed
    R_RENAME    // path a is about to become path b; `off` is the inode that b had, or 0
};
struct rec { uint32_t magic, op; uint64_t when, ino, off, len, size; uint32_t alen, blen; };
