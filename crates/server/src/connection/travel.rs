//! How a connection has moved between worker processes.

/// How a connection has moved between worker processes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Travel {
    /// How often it has been handed over since its last request was taken.
    pub(super) hops: u8,
    /// Whether its request comes from another process.
    pub(super) is_adopted: bool,
    /// The window of the level rule in which it was counted last.
    pub(super) counted_in: u32,
}

impl Travel {
    /// A worker has taken the request.
    pub(super) fn ends(&mut self) {
        (self.hops, self.is_adopted) = (0, false);
    }
}
