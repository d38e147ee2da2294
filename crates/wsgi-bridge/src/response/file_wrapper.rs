//! `wsgi.file_wrapper` (PEP 3333, "Optional Platform-Specific File Handling").
//!
//! If reading the object is the same as reading its descriptor, the kernel sends the file: the
//! server receives a duplicated descriptor, and the application can close its own at once. Any
//! other object with `read` is sent in blocks. If the object can seek, the length is known either
//! way: a missing Content-Length is added, and one that exceeds the actual length is corrected.
//!
//! `fileno()` is not sufficient: that of a `GzipFile` is the compressed file's. Reading the object
//! means reading the descriptor only if `read` is the method of one of CPython's own file classes;
//! proxies such as Django's `File` and `NamedTemporaryFile` pass that test. What the application has
//! written into the same object, and what is still in its buffer, is written to the file first.
//! Nobody can know of the buffer of another object that writes to the same file.

use std::sync::atomic::{AtomicU64, Ordering};

use maitred_http_parser::exchange::FileBody;
use pyo3::exceptions::{PyException, PyStopIteration};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyCFunction, PyType};

use super::sent_file::{FileOwner, Sent};
use super::{Failure, PendingResponse, chunk};
use crate::interpreter::attach;

/// The default block size. PEP 3333's example reads 8 KiB at a time, Waitress 32 KiB.
const BLOCK_SIZE: usize = 32 * 1024;

/// A file as a response body. Everything except iteration and `close` is delegated to the file, so
/// that middleware can read, seek and tell.
#[pyclass(frozen, subclass, module = "maitred")]
pub(crate) struct FileWrapper {
    file: Py<PyAny>,
    block_size: usize,
    /// The bytes still to be read, if the response has a length. Nothing after them is read, because a
    /// device has no end.
    wanted: AtomicU64,
}

#[pymethods]
impl FileWrapper {
    #[new]
    #[pyo3(signature = (file, block_size=BLOCK_SIZE))]
    fn new(file: Py<PyAny>, block_size: usize) -> Self {
        Self { file, block_size: block_size.max(1), wanted: AtomicU64::new(u64::MAX) }
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let file = self.file.bind(py);
        let wanted = self.wanted.load(Ordering::Relaxed);
        let size = usize::try_from(wanted).unwrap_or(usize::MAX).min(self.block_size);
        if size == 0 {
            return Err(PyStopIteration::new_err(()));
        }
        let block = attach::call_python(|| file.call_method1(intern!(py, "read"), (size,)))?;
        if !block.is_truthy()? {
            return Err(PyStopIteration::new_err(()));
        }
        if wanted != u64::MAX {
            let read = chunk::to_bytes(&block)?.map_or(usize::MAX, |bytes| bytes.as_bytes().len());
            self.wanted.store(wanted.saturating_sub(read as u64), Ordering::Relaxed);
        }
        Ok(block)
    }

    /// Closes the file, if it has `close`.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        match self.file.bind(py).getattr_opt(intern!(py, "close"))? {
            Some(close) if !close.is_none() => attach::call_python(|| close.call0()).map(drop),
            _ => Ok(()),
        }
    }

    fn __getattr__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        self.file.bind(py).getattr(name)
    }

    /// The wrapped file.
    #[getter]
    fn file(&self, py: Python<'_>) -> Py<PyAny> {
        self.file.clone_ref(py)
    }

    #[getter]
    fn block_size(&self) -> usize {
        self.block_size
    }
}

impl FileWrapper {
    /// Sends the file by its descriptor and ends the response. Returns `None` if it must be iterated
    /// instead; then its length has been declared, if known.
    pub(crate) fn send(
        slf: &Bound<'_, Self>,
        response: &PendingResponse,
        own: impl FnOnce(Py<PyAny>) -> FileOwner,
    ) -> Result<Option<Sent>, Failure> {
        let py = slf.py();
        if response.has_body(py) || !response.is_started(py) {
            return Ok(None);
        }
        let file = slf.get().file.bind(py);
        let real = real_file(file)?;
        let body = real.as_ref().map(rest_of_file).transpose()?.flatten();
        let Some(mut body) = body else {
            match seekable_length(file)? {
                // A device or a file in /proc has a size of zero but may still be readable.
                Some(0) if real.is_some() => {}
                Some(length) => {
                    declare(py, response, length);
                }
                None => {}
            }
            if let Some(Some(length)) = response.with_waiting_head(py, |head| head.content_length())
            {
                slf.get().wanted.store(length, Ordering::Relaxed);
            }
            return Ok(None);
        };
        body.length = declare(py, response, body.length);
        if body.length == 0 {
            response.finish(py, None)?;
            return Ok(Some(Sent::Whole));
        }
        body.owner = Some(own(slf.clone().into_any().unbind()));
        response.send_file(py, body);
        Ok(Some(Sent::AsFile))
    }
}

/// Declares `available` bytes, or keeps a smaller declaration; returns the number of bytes to send.
fn declare(py: Python<'_>, response: &PendingResponse, available: u64) -> u64 {
    response
        .with_waiting_head(py, |head| match head.content_length() {
            Some(declared) if declared <= available => declared,
            _ => {
                head.correct_content_length(available);
                available
            }
        })
        .unwrap_or(available)
}

/// The raw or buffered file behind `file`, if reading from it has the same effect.
fn real_file<'py>(file: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    static FILE_IO: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    static BUFFERED_READER: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    static BUFFERED_RANDOM: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let py = file.py();
    let file_io = FILE_IO.import(py, "io", "FileIO")?;

    let Some(read) = file.getattr_opt(intern!(py, "read"))? else { return Ok(None) };
    let read = without_tempfile(read)?;
    // A method that the application has put in its place has the same `__self__`.
    if !read.is_instance_of::<PyCFunction>() || !read.getattr("__name__")?.eq("read")? {
        return Ok(None);
    }
    let reader = read.getattr("__self__")?;
    if reader.is_exact_instance(file_io) {
        let is_readable = reader.call_method0("readable")?.is_truthy()?;
        return Ok(is_readable.then_some(reader));
    }
    let is_buffered =
        reader.is_exact_instance(BUFFERED_READER.import(py, "io", "BufferedReader")?)
            || reader.is_exact_instance(BUFFERED_RANDOM.import(py, "io", "BufferedRandom")?);
    let is_real = is_buffered && reader.getattr("raw")?.is_exact_instance(file_io);
    Ok(is_real.then_some(reader))
}

/// The method behind the function in which `NamedTemporaryFile` wraps each. Any other function that
/// wraps one does something else besides.
fn without_tempfile(read: Bound<'_, PyAny>) -> PyResult<Bound<'_, PyAny>> {
    let (Some(wrapped), Some(globals)) =
        (read.getattr_opt("__wrapped__")?, read.getattr_opt("__globals__")?)
    else {
        return Ok(read);
    };
    // Not `__module__`: that is the method's.
    let is_of_tempfile = globals.get_item("__name__")?.eq("tempfile")?;
    Ok(if is_of_tempfile { wrapped } else { read })
}

/// The number of bytes from the current position on; `None` if the object cannot seek, or cannot do
/// it in the way that files can: an object with `read` need not have more. Then it is as it was.
fn seekable_length(file: &Bound<'_, PyAny>) -> PyResult<Option<u64>> {
    let py = file.py();
    let (Some(seek), Some(tell)) = (
        declined(file.getattr_opt(intern!(py, "seek")), py)?.flatten(),
        declined(file.getattr_opt(intern!(py, "tell")), py)?.flatten(),
    ) else {
        return Ok(None);
    };
    if let Some(seekable) = file.getattr_opt(intern!(py, "seekable"))? {
        let seekable = attach::call_python(|| seekable.call0()?.is_truthy());
        if declined(seekable, py)? != Some(true) {
            return Ok(None);
        }
    }
    let position = || attach::call_python(|| tell.call0()?.extract::<u64>());
    let Some(start) = declined(position(), py)? else { return Ok(None) };
    let moved = attach::call_python(|| seek.call1((0, FROM_THE_END)));
    if declined(moved, py)?.is_none() {
        return Ok(None);
    }
    let end = declined(position(), py)?;
    attach::call_python(|| seek.call1((start,)))?;
    Ok(end.map(|end| end.saturating_sub(start)))
}

const FROM_THE_END: i32 = 2; // os.SEEK_END

/// The result of something that the object need not be able to do; `None` if it has raised.
fn declined<T>(result: PyResult<T>, py: Python<'_>) -> PyResult<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_instance_of::<PyException>(py) => Ok(None),
        Err(error) => Err(error), // SystemExit, KeyboardInterrupt
    }
}

/// The rest of a regular file from Python's position on, which differs from the descriptor's if the
/// file is buffered. `None` if it is not a regular file or has a size of zero, as files in `/proc`
/// and `/sys` do; or if what the application has written cannot be written to the file: then reading
/// the object raises what is to be logged. The descriptor is a duplicate, which stays open until the
/// last byte has been sent, whatever the application does with the original.
#[cfg(unix)]
#[expect(unsafe_code, reason = "a descriptor is a number until somebody vouches for it")]
fn rest_of_file(file: &Bound<'_, PyAny>) -> PyResult<Option<FileBody>> {
    use std::fs::File;
    use std::os::fd::{BorrowedFd, RawFd};

    // Moving about in a file that is open for both may have left what was written in its buffer.
    let flushed = attach::call_python(|| file.call_method0("flush"));
    if declined(flushed, file.py())?.is_none() {
        return Ok(None);
    }
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
    Ok(Some(FileBody { file: copy, offset, length, owner: None }))
}

/// On other systems, files are read in blocks.
#[cfg(not(unix))]
fn rest_of_file(_file: &Bound<'_, PyAny>) -> PyResult<Option<FileBody>> {
    Ok(None)
}
