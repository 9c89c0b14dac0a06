# Watch: changes in directories, for many waiters (core/objects/watch.h). What they mean is for floor P4 to say.

cdef extern from "objects/watch.h" nogil:
    struct toc_watch:
        int error
    struct toc_watch_change:
        int wd
        uint32_t mask
        const char *name
    int toc_watch_open(toc_watch **)
    void toc_watch_free(toc_watch *)
    int toc_watch_add(toc_watch *, const char *, uint32_t)
    int toc_watch_remove(toc_watch *, int)
    int toc_watch_read(toc_watch *, bint)
    size_t toc_watch_next(const toc_watch *, size_t, toc_watch_change *)
    int toc_watch_ring(const toc_watch *)
    int toc_watch_ear(toc_watch *)
    int toc_watch_sleep(int, int64_t)
    int toc_watch_alarm(toc_watch *, int64_t)
    int toc_watch_look(const char *)
    int64_t toc_watch_file_system(const char *)
    enum:
        TOC_WATCH_ENTRIES
        TOC_WATCH_SELF
        TOC_WATCH_GONE
        TOC_WATCH_OVERFLOW

WATCH_ENTRIES = TOC_WATCH_ENTRIES
WATCH_SELF = TOC_WATCH_SELF
WATCH_GONE = TOC_WATCH_GONE
WATCH_OVERFLOW = TOC_WATCH_OVERFLOW


cdef class Watch:
    """One inotify instance and its ears. Freed with the object, so whoever holds it never meets a closed descriptor."""

    cdef toc_watch *w

    def __cinit__(self):
        cdef int rc = toc_watch_open(&self.w)
        if rc < 0:
            raise OSError(-rc, f"no descriptors for watching directories: {toc_strerror(rc).decode()}")

    def __dealloc__(self):
        if self.w != NULL:
            toc_watch_free(self.w)

    cdef toc_watch *open(self) except NULL:
        if self.w == NULL:
            raise ValueError("it was closed")
        return self.w

    def close(self):
        """In a forked child. Nobody else may be inside a call."""
        if self.w != NULL:
            toc_watch_free(self.w)
            self.w = NULL

    @property
    def error(self):
        """Why there is no inotify instance, as a negative errno; 0: there is one."""
        return self.open().error

    def add(self, bytes directory, uint32_t mask):
        cdef const char *path = directory
        cdef toc_watch *w = self.open()
        cdef int rc
        with nogil:
            rc = toc_watch_add(w, path, mask)
        return rc

    def remove(self, int wd):
        return toc_watch_remove(self.open(), wd)

    def read(self, list into, bint ring):
        """Append (wd, mask, name) of the next events; how many bytes there were, 0 for none, or a negative errno.

        Nothing of Python's runs between the reading, the ringing and the appending: an exception that a signal
        handler raises comes before all of it or after.
        """
        cdef int got = toc_watch_read(self.open(), ring)
        cdef size_t at = 0
        cdef toc_watch_change change
        while got > 0 and at < <size_t>got:
            at = toc_watch_next(self.open(), at, &change)
            into.append((change.wd, change.mask, <bytes>change.name))
        return got

    def ring(self):
        toc_watch_ring(self.open())

    def alarm(self, int64_t when):
        toc_watch_alarm(self.open(), when)

    def ear(self):
        cdef int rc = toc_watch_ear(self.open())
        if rc < 0:
            raise OSError(-rc, f"no descriptor for one more who waits: {toc_strerror(rc).decode()}")
        return rc


def watch_sleep(int ear, int64_t until):
    """Until an ear hears something: True; False at the time `until`. Ctrl-C and handlers run at once."""
    cdef int rc
    while True:
        hold_signals()
        with nogil:
            rc = toc_watch_sleep(ear, until)
            toc_signals_give()
        if rc != -EINTR:
            break
    if rc < 0:
        raise OSError(-rc, toc_strerror(rc).decode())
    return rc > 0


def watch_look(bytes path):
    """What it names: 0 nothing, 1 a directory, 2 something else; or a negative errno."""
    cdef const char *name = path
    cdef int rc
    with nogil:
        rc = toc_watch_look(name)
    return rc


def file_system(bytes directory):
    cdef const char *path = directory
    cdef int64_t kind
    with nogil:
        kind = toc_watch_file_system(path)
    return kind
