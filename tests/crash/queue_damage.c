/* queue_damage.c: a queue whose files somebody has damaged: every bit of what says something, one at a time.
 *
 *      queue_damage DIR [--every N] [--seed S]
 *
 * Whoever opens it may get an error or an item that was put; never a crash, never wrong bytes, never a call without end. Of
 * records it is asked more: one bit of one record is wrong, then all the others come, and one was passed over. (Of those that
 * came back, a wrong length or sequence is passed over in silence: nobody knows any more that it was one.) */
#include "bench.h"
#include "walk.h"

#include "../../core/objects/queue.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILES 16
#define ITEMS 200
#define SIZE 300

static struct image { /* of one file, as it was */
    char name[300];
    unsigned char *bytes;
    size_t size;
} image[FILES];
static int images;
static const char *dir;
static long cases, opened, faults;
static struct page_here {
    char fault[200];
    uint32_t came[ITEMS + 2], opened, passed;
} *page;

static void path_of(char path[900], const char *name) { snprintf(path, 900, "%.500s/%.300s", dir, name); }

static void keep_image(const char *name)
{
    char path[900];
    struct stat st;
    path_of(path, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct image *i = &image[images++];
    snprintf(i->name, sizeof i->name, "%s", name);
    if (fd < 0 || fstat(fd, &st) < 0 || images == FILES)
        die("the image of a file");
    i->size = (size_t)st.st_size;
    i->bytes = malloc(i->size);
    if (!i->bytes || read(fd, i->bytes, i->size) != (ssize_t)i->size)
        die("the image of a file");
    close(fd);
}

static void tidy(int keep)
{
    DIR *d = opendir(dir);
    for (struct dirent *f; d && (f = readdir(d));) {
        char path[900];
        path_of(path, f->d_name);
        if (!strcmp(f->d_name, ".") || !strcmp(f->d_name, "..") || !strcmp(f->d_name, TOC_OWNER_FILE))
            continue;
        if (keep && strncmp(f->d_name, ".x.", 3) && strcmp(f->d_name, "x"))
            continue;
        if (keep && strstr(f->d_name, ".bell") == NULL)
            keep_image(f->d_name);
        else if (!keep && unlink(path) < 0)
            rmdir(path);
    }
    if (d)
        closedir(d);
}

/* As it was, but for holes: what is zero is not written. */
static void restore(void)
{
    tidy(0);
    for (int i = 0; i < images; i++) {
        char path[900];
        path_of(path, image[i].name);
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0 || ftruncate(fd, (off_t)image[i].size) < 0)
            die("a file again");
        for (size_t at = 0; at < image[i].size; at += 4096) {
            static const unsigned char zeros[4096];
            size_t n = image[i].size - at < 4096 ? image[i].size - at : 4096;
            if (memcmp(image[i].bytes + at, zeros, n) && pwrite(fd, image[i].bytes + at, n, (off_t)at) != (ssize_t)n)
                die("the bytes of a file again");
        }
        close(fd);
    }
}

static struct image *image_of(const char *end)
{
    for (int i = 0; i < images; i++) {
        size_t n = strlen(image[i].name), e = strlen(end);
        if (n >= e && !strcmp(image[i].name + n - e, end))
            return &image[i];
    }
    die(end);
    return NULL;
}

static void flip(const char *end, size_t at, int bit)
{
    char path[900];
    const struct image *i = image_of(end);
    unsigned char byte = i->bytes[at] ^ (unsigned char)(1 << bit);
    path_of(path, i->name);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || pwrite(fd, &byte, 1, (off_t)at) != 1)
        die("flipping");
    close(fd);
}

/* -- what is put */

static void fill(unsigned char bytes[SIZE], uint32_t n)
{
    for (int i = 0; i < SIZE; i++)
        bytes[i] = (unsigned char)(n * 7 + (unsigned)i);
    memcpy(bytes, &n, sizeof n);
}

static toc_queue *open_queue(int *rc)
{
    toc_queue_options o = TOC_QUEUE_DEFAULTS;
    toc_queue *q = NULL;
    o.common.at = dir;
    o.common.create = 0;
    *rc = toc_queue_open(&q, "x", &o);
    return q;
}

static void make(void)
{
    toc_queue_options o = TOC_QUEUE_DEFAULTS;
    toc_queue *q;
    unsigned char bytes[SIZE];
    toc_taken t;
    int status;
    o.common.at = dir;
    if (toc_queue_open(&q, "x", &o) < 0)
        die("the queue");
    for (uint32_t n = 1; n <= ITEMS; n++) {
        fill(bytes, n);
        if (toc_queue_put(q, bytes, SIZE, 0) < 0)
            die("put");
    }
    pid_t pid = bench_fork(HANG_S); /* who dies with 1 and 4, and gave 2 back, and 3 for later */
    if (pid == 0) {
        toc_taken held[4];
        for (int i = 0; i < 4; i++)
            toc_queue_receive(q, bytes, SIZE, &held[i], 0);
        toc_queue_nack(q, &held[1], 0);
        toc_queue_nack(q, &held[2], 3600000000000ll);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    for (int i = 0; i < 80; i++) /* 5 to 84: the first segments stay, as 1 is still held */
        if (toc_queue_get(q, bytes, SIZE, &t, 0) < 0)
            die("get");
    toc_queue_free(q);
}

/* -- the one who finds it */

static int allowed(long rc)
{
    static const int CODES[] = {EUCLEAN, EBADMSG, EPROTO, EIDRM, ENOSPC, EUSERS, EFBIG, ENOMEM, EAGAIN, EPIPE, EMEDIUMTYPE, ESTALE,
                                ETIMEDOUT, EEXIST, EMSGSIZE, ENOENT, ENOBUFS, ERANGE, EINVAL, EOVERFLOW, EACCES, EPERM, EISDIR, ELOOP};
    for (size_t i = 0; i < sizeof CODES / sizeof *CODES; i++)
        if (rc == -CODES[i])
            return 1;
    return rc >= 0;
}

#define LET(what, call)                                                                                                 \
    do {                                                                                                               \
        long let_rc = (long)(call);                                                                                    \
        if (!allowed(let_rc) && !page->fault[0])                                                                       \
            snprintf(page->fault, sizeof page->fault, "%s gave %ld (%s)", what, let_rc, toc_strerror((int)let_rc));     \
    } while (0)

static void came(const unsigned char *bytes, size_t length, int strange)
{
    unsigned char wanted[SIZE];
    uint32_t n = 0;
    memcpy(&n, bytes, sizeof n);
    fill(wanted, n);
    if (n == 0 || n > ITEMS + 1 || length != SIZE || memcmp(bytes, wanted, SIZE))
        snprintf(page->fault, sizeof page->fault, "an item that nobody put (%zu bytes, number %u)", length, n);
    else if (page->came[n]++ && !strange)
        snprintf(page->fault, sizeof page->fault, "item %u came twice", n);
}

static void try_everything(int strange)
{
    static unsigned char bytes[1 << 16];
    toc_queue_stat st;
    toc_taken t;
    int rc;
    toc_queue *q = open_queue(&rc);
    LET("open", rc);
    if (rc < 0)
        return;
    page->opened = 1;
    LET("state", toc_queue_state(q, &st));
    LET("due", toc_queue_due(q));
    rc = toc_queue_peek(q, bytes, sizeof bytes, &t);
    LET("peek", rc); /* which passes nothing over */
    rc = toc_queue_receive(q, bytes, sizeof bytes, &t, 0);
    page->passed += rc == -EBADMSG ? (uint32_t)t.length : 0;
    LET("receive", rc);
    if (rc == 0) {
        came(bytes, t.length, strange);
        LET("ack", toc_queue_ack(q, &t));
    }
    fill(bytes, ITEMS + 1);
    LET("put", toc_queue_put(q, bytes, SIZE, 0));
    if (queue_file(q)->looked_ns)
        queue_file(q)->looked_ns = 0; /* now, not within a second */
    for (int i = 0; i < 3 * ITEMS; i++) {
        rc = toc_queue_get(q, bytes, sizeof bytes, &t, 0);
        LET("get", rc);
        if (rc == 0)
            came(bytes, t.length, strange);
        if (rc == 0 && t.held)
            LET("ack of a get", toc_queue_ack(q, &t));
        if (rc == -EBADMSG)
            page->passed += (uint32_t)t.length;
        else if (rc < 0)
            break;
    }
    LET("task_done", toc_queue_task_done(q));
    LET("join", toc_queue_join(q, toc_now() + 1000));
    LET("fileno", toc_fileno((toc_handle *)q));
    LET("purge", toc_queue_purge(q));
    LET("shutdown", toc_queue_shutdown(q, 1));
    LET("state", toc_queue_state(q, &st));
    LET("unlink", toc_handle_unlink((toc_handle *)q));
    toc_queue_free(q);
}

static void judge(const char *what, size_t at, int bit, int strange)
{
    int status;
    memset(page, 0, sizeof *page);
    pid_t pid = bench_fork(HANG_S);
    if (pid == 0) {
        struct rlimit limit = {256 << 20, 256 << 20}; /* a wrong length must not fill the machine */
        setrlimit(RLIMIT_FSIZE, &limit);
        signal(SIGXFSZ, SIG_IGN);
        try_everything(strange);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    cases++;
    opened += page->opened;
    if (WIFSIGNALED(status))
        snprintf(page->fault, sizeof page->fault, WTERMSIG(status) == SIGALRM ? "it hangs" : "it died by signal %d", WTERMSIG(status));
    if (page->fault[0] && faults++ < 40)
        printf("FAULT %s, byte %zu, bit %d: %s\n", what, at, bit, page->fault);
}

static int is_there(uint32_t n) { return n == 1 || n == 2 || n == 4 || (n > 84 && n <= ITEMS); }

static void each_bit(const char *what, const char *end, size_t from, size_t to, long every)
{
    long before = cases, was = faults;
    for (size_t at = from; at < to; at++)
        for (int bit = 0; bit < 8; bit++) {
            if (every > 1 && walk_draw() % (uint64_t)every)
                continue;
            restore();
            flip(end, at, bit);
            judge(what, at, bit, 1);
        }
    printf("%-34s %6ld bits %4ld faults\n", what, cases - before, faults - was);
}

/* -- one record that is wrong, all the others right */

static void each_bit_of_a_record(const char *what, uint32_t number, int before_head, long every)
{
    const struct image *control = image_of("x");
    const struct toc_queue_file *f = (const struct toc_queue_file *)(const void *)control->bytes;
    const struct toc_queue_state *s = &f->state[change_count(f->head.word) & 1];
    const struct toc_table *t = &f->half[s->half];
    size_t record = (size_t)toc_record_size(SIZE), at = 0;
    char end[40];
    for (uint32_t i = 0, first = 1; i < t->count; i++) {
        uint32_t holds = (uint32_t)((size_t)t->segment[i].pages * TOC_PAGE / record);
        if (number < first + holds) {
            snprintf(end, sizeof end, ".%u", t->segment[i].file);
            at = (number - first) * record;
            break;
        }
        first += holds;
    }
    long before = cases, was = faults;
    for (size_t byte = at; byte < at + record; byte++)
        for (int bit = 0; bit < 8; bit++) {
            int is_claim = byte - at >= offsetof(struct toc_record, claim) && byte - at < sizeof(struct toc_record);
            int is_head = byte - at < sizeof(struct toc_record), is_end = byte - at >= sizeof(struct toc_record) + SIZE;
            if (every > 1 && walk_draw() % (uint64_t)(is_head ? (every + 3) / 4 : every * 2))
                continue;
            restore();
            flip(end, byte, bit);
            judge(what, byte - at, bit, is_claim);
            uint32_t missing = 0;
            for (uint32_t n = 1; n <= ITEMS; n++)
                missing += is_there(n) && n != number && page->came[n] != 1;
            if ((missing && !is_claim) || (missing > 1 && is_claim) || (!is_claim && !is_end && page->passed != 1 && !(before_head && page->passed == 0))) {
                if (faults++ < 40)
                    printf("FAULT %s, byte %zu, bit %d: %u of the others did not come once, %u were passed over\n", what, byte - at,
                           bit, missing, page->passed);
            }
        }
    printf("%-34s %6ld bits %4ld faults\n", what, cases - before, faults - was);
}

/* -- files that are short, gone, or something else */

static void mistreat(const char *end, int how)
{
    char path[900];
    restore();
    path_of(path, image_of(end)->name);
    if (how == 0 && unlink(path) < 0)
        die("unlink");
    if (how == 1 && (unlink(path) < 0 || mkdir(path, 0700) < 0))
        die("mkdir");
    if (how == 2 && (unlink(path) < 0 || mkfifo(path, 0600) < 0))
        die("mkfifo");
    if (how == 3 && (unlink(path) < 0 || symlink("/etc/passwd", path) < 0))
        die("symlink");
    if (how >= 4 && truncate(path, (off_t)(image_of(end)->size * (size_t)(how - 4) / 8 / 8 * 8 + (how == 11 ? 4088 : 0))) < 0)
        die("truncate");
    judge(end, (size_t)how, 0, 1);
}

int main(int argc, char **argv)
{
    long every = 1;
    if (argc < 2)
        die("usage: queue_damage DIR [--every N] [--seed S]");
    dir = argv[1];
    for (int i = 2; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--every"))
            every = atol(argv[i + 1]);
        else if (!strcmp(argv[i], "--seed"))
            walk_seed(strtoull(argv[i + 1], NULL, 0));
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    make();
    tidy(1);
    judge("nothing is damaged", 0, 0, 0);
    for (uint32_t n = 1; n <= ITEMS; n++)
        if (page->came[n] != (uint32_t)is_there(n) && faults++ < 40)
            printf("FAULT nothing is damaged: item %u came %u times\n", n, page->came[n]);
    each_bit("the head", "x", 0, 128, every);
    each_bit("the setup", "x", 128, 192, every);
    each_bit("the lock and what is beside it", "x", 192, 256, every);
    each_bit("the states", "x", 256, 512, every);
    each_bit("the holders", "x", 512, 512 + 3 * sizeof(struct toc_holder), every);
    size_t half = offsetof(struct toc_queue_file, half);
    each_bit("the first table", "x", half, half + 256 + 8 * sizeof(struct toc_segment), every);
    half += TOC_TABLE_SIZE;
    each_bit("the second table", "x", half, half + 256 + 8 * sizeof(struct toc_segment), every);
    each_bit_of_a_record("a record that nobody had", 120, 0, every);
    each_bit_of_a_record("the next record", 85, 0, every);
    each_bit_of_a_record("the last record", ITEMS, 0, every);
    each_bit_of_a_record("a record that came back", 2, 1, every);
    each_bit_of_a_record("a record that the dead held", 4, 1, every);
    for (int i = 0; i < images; i++)
        for (int how = 0; how < 12; how++)
            mistreat(strcmp(image[i].name, "x") ? strrchr(image[i].name, '.') : "x", how);
    restore();
    judge("nothing is damaged, afterwards", 0, 0, 0);
    printf("TOTAL cases=%ld opened=%ld faults=%ld\n", cases, opened, faults);
    return faults || opened == 0 ? 1 : 0;
}
