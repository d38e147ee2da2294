//! Counts bytes that are scanned or copied, for the tests that their number is linear in the input.
//! Outside of tests, it does nothing.

#[cfg(test)]
thread_local! {
    static COUNT: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// So many bytes were looked at, or copied.
#[cfg(test)]
pub(crate) fn count(bytes: usize) {
    COUNT.set(COUNT.get() + bytes);
}

/// So many bytes were looked at, or copied.
#[cfg(not(test))]
pub(crate) const fn count(_bytes: usize) {}

/// The bytes counted on this thread since the last call.
#[cfg(test)]
pub(crate) fn taken() -> usize {
    COUNT.take()
}
