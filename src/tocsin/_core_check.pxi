# Is an object sound, and what can be put right (core/objects/check.h)?

cdef extern from "tocsin.h" nogil:
    ctypedef struct toc_finding:
        const char *what
        int mend
        uint64_t many, sequence
        char file[64]
    int toc_check_object(const char *, toc_finding *, int)
    int toc_repair(const char *, int *)

DEF FINDINGS = 32


def check_object(path):
    """Findings, (what, mend, many, sequence, file) each, or a reason. Reads, and changes nothing."""
    cdef toc_finding found[FINDINGS]
    cdef const char *raw = path
    cdef int rc, i
    with nogil:
        rc = toc_check_object(raw, found, FINDINGS)
    if rc < 0:
        return rc
    return [((<bytes>found[i].what).decode(), found[i].mend, found[i].many, found[i].sequence,
             (<bytes>found[i].file).decode("utf-8", "replace"))
            for i in range(min(rc, FINDINGS))]


def repair(path):
    """How many files were removed, or a reason."""
    cdef const char *raw = path
    cdef int rc, did = 0
    with nogil:
        rc = toc_repair(raw, &did)
    return rc if rc < 0 else did
