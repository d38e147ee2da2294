//! The closed sets of events, each with its name in metrics and logs.

use maitred_http_parser::Rejection;
use maitred_http_parser::fault::Stage;

/// A label whose values are known from the start.
pub(super) trait Label: Copy + 'static {
    /// Every value, in the order of [`Label::index`].
    const ALL: &'static [Self];
    /// Its place in [`Label::ALL`].
    fn index(self) -> usize;
    /// How it is written.
    fn name(self) -> &'static str;
}

/// Declares an enum that is a label.
macro_rules! label {
    ($(#[$doc:meta])* $visibility:vis enum $name:ident {
        $($(#[$variant_doc:meta])* $variant:ident = $written:literal,)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        $visibility enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl Label for $name {
            const ALL: &'static [Self] = &[$(Self::$variant),*];

            fn index(self) -> usize {
                self as usize
            }

            fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $written,)*
                }
            }
        }
    };
}

label! {
    /// Why a connection was closed.
    pub(crate) enum CloseReason {
        /// The client closed it, or it broke.
        Client = "client",
        /// The last response said so.
        Finished = "finished",
        /// It was idle for too long.
        KeepAliveTimeout = "keep_alive_timeout",
        /// The client did not take its response in time.
        WriteTimeout = "write_timeout",
        /// The client was refused.
        Protocol = "protocol",
        /// It was idle, and its place was needed.
        Evicted = "evicted",
        /// It was turned away: there was no room.
        Rejected = "rejected",
        /// The server stops.
        Drain = "drain",
        /// The server or the application failed.
        Error = "error",
    }
}

label! {
    /// Why a connection or a request was turned away.
    pub(crate) enum Turned {
        /// connection-limit is reached, and nobody is idle.
        Limit = "limit",
        /// queue-limit is reached.
        QueueFull = "queue_full",
        /// It waited for queue-timeout.
        QueueTimeout = "queue_timeout",
        /// The server stops.
        Draining = "draining",
        /// The process has no file descriptors left.
        FileDescriptors = "file_descriptors",
    }
}

label! {
    /// How far a request was when its client left.
    pub(crate) enum LeftWhile {
        /// It was not complete.
        Reading = "read",
        /// It waited for a thread.
        Queued = "queue",
        /// The application was at work.
        Served = "app",
        /// The answer was on its way.
        Writing = "write",
    }
}

label! {
    /// What a connection is doing.
    pub(crate) enum Doing {
        /// It is between two requests.
        Idle = "idle",
        /// A request is coming in.
        Reading = "reading",
        /// A request waits for a thread.
        Queued = "queued",
        /// The application is at work.
        Serving = "app",
        /// An answer is on its way out.
        Writing = "writing",
    }
}

label! {
    /// The kind of a log.
    pub(crate) enum Stream {
        /// What the server has to say.
        Server = "server",
        /// A line about each request.
        Access = "access",
    }
}

label! {
    /// A request method.
    pub(crate) enum Method {
        /// Safe, and by far the most common.
        Get = "GET",
        /// The rest of RFC 9110 §9.3, and PATCH of RFC 5789.
        Head = "HEAD",
        /// As above.
        Post = "POST",
        /// As above.
        Put = "PUT",
        /// As above.
        Delete = "DELETE",
        /// As above.
        Connect = "CONNECT",
        /// As above.
        Options = "OPTIONS",
        /// As above.
        Trace = "TRACE",
        /// As above.
        Patch = "PATCH",
        /// What a client made up, or did not send at all.
        Other = "OTHER",
    }
}

impl Method {
    /// The method of that name.
    pub(crate) fn of(token: &[u8]) -> Self {
        let mut known = Self::ALL.iter().copied();
        known.find(|method| method.name().as_bytes() == token).unwrap_or(Self::Other)
    }
}

impl Label for Rejection {
    const ALL: &'static [Self] = &Self::ALL;

    fn index(self) -> usize {
        self as usize
    }

    fn name(self) -> &'static str {
        Self::name(self)
    }
}

impl Label for Stage {
    const ALL: &'static [Self] = &[Self::Call, Self::Iterate, Self::Close];

    fn index(self) -> usize {
        self as usize
    }

    fn name(self) -> &'static str {
        self.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_in_order<L: Label + PartialEq + std::fmt::Debug>() {
        for (at, label) in L::ALL.iter().enumerate() {
            assert_eq!(label.index(), at, "{label:?}");
        }
    }

    #[test]
    fn every_label_stands_where_its_index_says() {
        is_in_order::<Rejection>();
        is_in_order::<Stage>();
        is_in_order::<CloseReason>();
        is_in_order::<Turned>();
    }

    #[test]
    fn a_method_that_is_not_known_is_other() {
        assert_eq!(Method::of(b"GET"), Method::Get);
        assert_eq!(Method::of(b"get"), Method::Other);
        assert_eq!(Method::of(b"BREW"), Method::Other);
    }
}
