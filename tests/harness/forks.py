"""For scripts of children: `fork(f)` runs f in a child of its own, and `reap(pid)` asks that it ended soundly."""

from __future__ import annotations

FORKED = """
def fork(function):
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            function()
            code = 0
        except BaseException:
            import traceback
            traceback.print_exc()
        finally:
            os._exit(code)
    return pid
def reap(pid):
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert code == 0, code
"""
