/* Random bytes for programs under a Wine that has no bcryptprimitives.dll. Rust's std asks that
 * library's ProcessPrng for the seeds of its hash maps; advapi32's SystemFunction036 has always
 * given the same. Only `make windows` builds this, and no user ever gets it. */
#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG length);
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE buffer, SIZE_T length) {
    return SystemFunction036(buffer, (ULONG)length);
}
