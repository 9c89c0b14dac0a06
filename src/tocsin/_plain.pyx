# cython: language_level=3, freethreading_compatible=True, boundscheck=False, wraparound=False, binding=False
"""Would this value come back equal from JSON? Asked of every untyped item, so it must cost less than encoding it.

The look is exact about types: None, bool, int, float, str, list, tuple and dict themselves. A subclass would come
back as its base, and whether that is equal is for the class to say. A tuple comes back as a list, which is allowed
because everybody writes them.
"""

cimport cython
from cpython.dict cimport PyDict_Next
from cpython.float cimport PyFloat_AS_DOUBLE
from cpython.list cimport PyList_GET_ITEM, PyList_GET_SIZE
from cpython.object cimport PyObject
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE

cdef extern from "Python.h":
    long long PyLong_AsLongLongAndOverflow(object, int *) except? -1
    int PyUnicode_KIND(object)
    Py_ssize_t PyUnicode_GET_LENGTH(object)
    Py_UCS4 PyUnicode_READ_CHAR(object, Py_ssize_t)

# Deeper ones would reach Python's recursion limit in a receiver that is deep in calls itself.
DEF DEEPEST = 200
# Python refuses to read numbers of more than 4,300 digits, which 14,284 bits can have.
DEF LONGEST_BITS = 14000


cdef bint well_formed(str text):
    """No lone surrogate, which UTF-8 has no form for. Narrow strings can't hold one."""
    cdef Py_ssize_t i
    if PyUnicode_KIND(text) == 1:
        return True
    for i in range(PyUnicode_GET_LENGTH(text)):
        if 0xD800 <= PyUnicode_READ_CHAR(text, i) <= 0xDFFF:
            return False
    return True


cdef bint short_enough(object number) except -1:
    cdef int overflow = 0
    PyLong_AsLongLongAndOverflow(number, &overflow)
    return overflow == 0 or number.bit_length() <= LONGEST_BITS


cdef bint plain(object value, int depth) except -1:
    cdef PyObject *key = NULL
    cdef PyObject *inner = NULL
    cdef Py_ssize_t i = 0
    cdef double real
    if type(value) is str:
        return well_formed(<str>value)
    if type(value) is int:
        return short_enough(value)
    if value is None or value is True or value is False:
        return True
    if type(value) is float:
        real = PyFloat_AS_DOUBLE(value)
        return real - real == 0
    if depth == 0:
        return False
    if type(value) is dict:
        with cython.critical_section(value):
            while PyDict_Next(value, &i, &key, &inner):
                if type(<object>key) is not str or not well_formed(<str><object>key):
                    return False
                if not plain(<object>inner, depth - 1):
                    return False
        return True
    if type(value) is list:
        with cython.critical_section(value):
            while i < PyList_GET_SIZE(value):
                if not plain(<object>PyList_GET_ITEM(value, i), depth - 1):
                    return False
                i += 1
        return True
    if type(value) is tuple:
        for i in range(PyTuple_GET_SIZE(value)):
            if not plain(<object>PyTuple_GET_ITEM(value, i), depth - 1):
                return False
        return True
    return False


cdef str fault(object value, str where, int depth):
    """What is wrong with a value that isn't plain, and where in it. None: nothing, it has changed meanwhile."""
    kind = type(value)
    if kind is float:
        return None if plain(value, 1) else f"{where} is {value!r}, for which JSON has no form"
    if kind is str:
        return None if plain(value, 1) else f"{where} is a str with a lone surrogate, for which UTF-8 has no form"
    if kind is int:
        return None if plain(value, 1) else f"{where} is an int of more than 4,200 digits"
    if value is None or kind is bool:
        return None
    if kind not in (dict, list, tuple):
        for base in (bool, int, float, str, list, tuple, dict):
            if isinstance(value, base):
                return (f"{where} is a {kind.__name__}, which would come back as a plain {base.__name__}: "
                        f"make it a {base.__name__}")
        return f"{where} is a {kind.__name__}, which would not come back from JSON"
    if depth == 0:
        return f"{where[:60]}... is nested more than {DEEPEST} deep, or contains itself"
    if kind is not dict:
        for i, inner in enumerate(value):
            found = fault(inner, f"{where}[{i}]", depth - 1)
            if found is not None:
                return found
        return None
    for key, inner in list(value.items()):
        if type(key) is not str:
            return f"{where} has the key {key!r} of type {type(key).__name__}: keys must be str"
        if not well_formed(key):
            return f"{where} has a key with a lone surrogate, for which UTF-8 has no form"
        found = fault(inner, f"{where}.{key}", depth - 1)
        if found is not None:
            return found
    return None


def check(value):
    """None if `value` comes back equal from JSON; else what would not, and where: "$.a[3] is a set, ..."."""
    return None if plain(value, DEEPEST) else fault(value, "$", DEEPEST)


def check_each(list items):
    """The same for each of many, in one call: None, or which of them and why."""
    cdef Py_ssize_t i
    for i in range(len(items)):
        if not plain(items[i], DEEPEST):
            why = fault(items[i], "$", DEEPEST)
            if why is not None:
                return f"item {i}: {why}"
    return None
