"""Tells one process of an event of its console: it is given the thread that Windows gives it then.

`GenerateConsoleCtrlEvent`, and with it `Popen.send_signal`, knows but two of the events, and Wine
has none of it.
"""

from __future__ import annotations

import ctypes
import subprocess
from ctypes import wintypes

CTRL_C = 0
CTRL_CLOSE = 2


def tell(process: subprocess.Popen, event: int) -> None:
    """Start the system's handler of console events in `process`, which may not be of another user.

    System libraries are at the same address in all processes.
    """
    kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    kernel.GetModuleHandleW.restype = wintypes.HMODULE
    kernel.GetProcAddress.argtypes = [wintypes.HMODULE, ctypes.c_char_p]
    kernel.GetProcAddress.restype = ctypes.c_void_p
    kernel.CreateRemoteThread.argtypes = [
        wintypes.HANDLE,
        ctypes.c_void_p,
        ctypes.c_size_t,
        ctypes.c_void_p,
        ctypes.c_void_p,
        wintypes.DWORD,
        ctypes.c_void_p,
    ]
    kernel.CreateRemoteThread.restype = wintypes.HANDLE
    handler = kernel.GetProcAddress(kernel.GetModuleHandleW("kernelbase"), b"CtrlRoutine")
    handle = int(process._handle)
    thread = kernel.CreateRemoteThread(handle, None, 0, handler, event, 0, None)
    if not thread:
        raise ctypes.WinError(ctypes.get_last_error())
    kernel.CloseHandle.argtypes = [wintypes.HANDLE]
    kernel.CloseHandle(thread)
