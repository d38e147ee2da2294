//! Counts bytes looked at or copied, for the test that their number is linear in the input; in the
//! finished program it is nothing at all.

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

/// How many it were on this thread since the last time.
#[cfg(test)]
pub(crate) fn taken() -> usize {
    COUNT.take()
}
