/* atom.h: the atomic verbs. Floor 0; the only file that names the compiler's atomics.
 *
 * The ordering is in the name. Fields are plain uint64_t in shared memory, because the other side may be
 * another build, another language, or the kernel (FUTEX_WAKE_OP). Under TOC_SIM every verb is a point at
 * which the simulated scheduler may run someone else: tests/core/sim.
 */
#ifndef TOC_ATOM_H
#define TOC_ATOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef TOC_SIM
void toc_sim_point(void);
#define TOC_POINT() toc_sim_point()
#else
#define TOC_POINT() ((void)0)
#endif

static inline uint64_t atom_load_relax(const uint64_t *p) { TOC_POINT(); return __atomic_load_n(p, __ATOMIC_RELAXED); }
static inline uint64_t atom_load_acq(const uint64_t *p) { TOC_POINT(); return __atomic_load_n(p, __ATOMIC_ACQUIRE); }
static inline void atom_store_relax(uint64_t *p, uint64_t v) { TOC_POINT(); __atomic_store_n(p, v, __ATOMIC_RELAXED); }

/* In if it still is *seen; otherwise *seen becomes what is there. */
static inline bool atom_cas_acqrel(uint64_t *p, uint64_t *seen, uint64_t v)
{
    TOC_POINT();
    return __atomic_compare_exchange_n(p, seen, v, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

/* Puts bits in, and returns the word of that very instant, bits included. */
static inline uint64_t atom_or_acqrel(uint64_t *p, uint64_t bits)
{
    TOC_POINT();
    return __atomic_fetch_or(p, bits, __ATOMIC_ACQ_REL) | bits;
}

static inline uint64_t atom_and_acqrel(uint64_t *p, uint64_t bits)
{
    TOC_POINT();
    return __atomic_fetch_and(p, bits, __ATOMIC_ACQ_REL) & bits;
}

static inline void atom_store_rel(uint64_t *p, uint64_t v) { TOC_POINT(); __atomic_store_n(p, v, __ATOMIC_RELEASE); }
static inline uint64_t atom_swap_acqrel(uint64_t *p, uint64_t v) { TOC_POINT(); return __atomic_exchange_n(p, v, __ATOMIC_ACQ_REL); }

/* Pointers of one process: what is behind them is complete when they are shown. */
#define atom_load_ptr(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define atom_store_ptr(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define atom_cas_ptr(p, seen, v) __atomic_compare_exchange_n((p), (seen), (v), false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)

/* Counters of one process. */
static inline uint32_t atom32_load_acq(const uint32_t *p) { TOC_POINT(); return __atomic_load_n(p, __ATOMIC_ACQUIRE); }
static inline void atom32_store_rel(uint32_t *p, uint32_t v) { TOC_POINT(); __atomic_store_n(p, v, __ATOMIC_RELEASE); }
static inline void atom32_add(uint32_t *p, uint32_t v) { TOC_POINT(); __atomic_fetch_add(p, v, __ATOMIC_ACQ_REL); }

/* Between a store and a load of another variable, on both sides of a handshake (Dekker): each side's store is
 * then seen by the other's load, or the other way round. Acquire and release do not give that. */
static inline void atom_fence(void) { TOC_POINT(); __atomic_thread_fence(__ATOMIC_SEQ_CST); }

/* Before relaxed stores that a reader without the lock may see: what it then reads of the count is no older than what
 * was stored before this. */
static inline void atom_fence_rel(void) { TOC_POINT(); __atomic_thread_fence(__ATOMIC_RELEASE); }

/* The other side of it: the look at the count that follows is no older than what the relaxed loads before it have read. */
static inline void atom_fence_acq(void) { TOC_POINT(); __atomic_thread_fence(__ATOMIC_ACQUIRE); }

/* Shared bytes, by words: who reads without the lock may meet a writer here, and then throws away what it copied. What is
 * shared begins at a multiple of 8, and its last word is there as a whole. One point to the simulated scheduler. */
static inline void atom_put_bytes(uint64_t *to, const void *from, size_t length)
{
    const char *bytes = (const char *)from;
    uint64_t word;
    TOC_POINT();
    for (; length >= 8; length -= 8, bytes += 8) {
        __builtin_memcpy(&word, bytes, 8);
        __atomic_store_n(to++, word, __ATOMIC_RELAXED);
    }
    if (length) {
        word = 0;
        __builtin_memcpy(&word, bytes, length);
        __atomic_store_n(to, word, __ATOMIC_RELAXED);
    }
}

static inline void atom_get_bytes(void *to, const uint64_t *from, size_t length)
{
    char *bytes = (char *)to;
    uint64_t word;
    TOC_POINT();
    for (; length >= 8; length -= 8, bytes += 8) {
        word = __atomic_load_n(from++, __ATOMIC_RELAXED);
        __builtin_memcpy(bytes, &word, 8);
    }
    if (length) {
        word = __atomic_load_n(from, __ATOMIC_RELAXED);
        __builtin_memcpy(bytes, &word, length);
    }
}

/* Fetch what is there in order to write to it: a load alone would fetch it twice, to read and then to own. Changes nothing. */
static inline void atom_fetch_own(const void *p)
{
#if defined(__x86_64__)
    __asm__ volatile("prefetchw %0" : : "m"(*(const char *)p)); /* gcc's own would be a fetch for reading */
#else
    __builtin_prefetch(p, 1);
#endif
}

static inline void atom_pause(void)
{
    TOC_POINT();
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#endif
