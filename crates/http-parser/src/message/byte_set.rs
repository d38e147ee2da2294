//! Sets of bytes as lookup tables. A lookup is one load, where a list of ranges needs several
//! comparisons for every byte of a name.

/// A set of bytes, built at compile time.
pub(crate) struct ByteSet([bool; 256]);

impl ByteSet {
    /// The bytes of `members`.
    pub(crate) const fn new(members: &[u8]) -> Self {
        Self([false; 256]).with(members)
    }

    /// The set with the ASCII letters and digits added.
    pub(crate) const fn with_letters_and_digits(self) -> Self {
        self.with(b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    }

    #[cfg_attr(
        not(test),
        expect(clippy::indexing_slicing, reason = "runs in the compiler; a table has every byte")
    )]
    const fn with(mut self, members: &[u8]) -> Self {
        let mut at = 0;
        while at < members.len() {
            self.0[members[at] as usize] = true;
            at += 1;
        }
        self
    }

    /// Whether `byte` is in the set.
    #[cfg_attr(not(test), expect(clippy::indexing_slicing, reason = "a table has every byte"))]
    pub(crate) const fn contains(&self, byte: u8) -> bool {
        self.0[byte as usize]
    }
}
