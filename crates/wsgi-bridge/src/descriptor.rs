//! Duplicates a Python file's descriptor: the server's copy stays open until the last byte has been
//! sent, whatever the application does with the original.

#![cfg_attr(
    unix,
    expect(unsafe_code, reason = "a descriptor is a number until somebody vouches for it")
)]

use maitred_http_parser::exchange::FileBody;
use pyo3::prelude::*;

/// The rest of a regular file from Python's position on, which differs from the descriptor's if the
/// file is buffered. `None` if it is not a regular file or has a size of zero, as files in `/proc`
/// and `/sys` do.
#[cfg(unix)]
pub(crate) fn rest_of_file(file: &Bound<'_, PyAny>) -> PyResult<Option<FileBody>> {
    use std::fs::File;
    use std::os::fd::{BorrowedFd, RawFd};

    let descriptor: RawFd = file.call_method0("fileno")?.extract()?;
    // SAFETY: `file` is one of CPython's own file objects, it is open (fileno() raises otherwise),
    // and we hold a reference and the interpreter's lock, so that nothing of ours closes the
    // descriptor before it has been duplicated. On a free-threaded interpreter an application that
    // closes the file at this moment in another thread gets what it would get from os.dup.
    let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor) };
    let copy = File::from(borrowed.try_clone_to_owned()?);
    let metadata = copy.metadata()?;
    if !metadata.is_file() || metadata.len() == 0 {
        return Ok(None);
    }
    let offset: u64 = file.call_method0("tell")?.extract()?;
    let length = metadata.len().saturating_sub(offset);
    Ok(Some(FileBody { file: copy, offset, length }))
}

/// On other systems, files are read in blocks.
#[cfg(not(unix))]
pub(crate) fn rest_of_file(_file: &Bound<'_, PyAny>) -> PyResult<Option<FileBody>> {
    Ok(None)
}
