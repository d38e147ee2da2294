//! The closed sets of events, each with its name in metrics and logs.

use maitred_http_parser::Rejection;
use maitred_http_parser::fault::Stage;

/// A label whose values are known from the start.
pub(super) trait Label: Copy + 'static {
    /// Every value, in the order of [`Label::index`].
    const ALL: &'static [Self];
    /// How each is written, in the same order.
    const NAMES: &'static [&'static str];
    /// Its place in [`Label::ALL`].
    fn index(self) -> usize;
    /// How it is written.
    fn name(self) -> &'static str {
        Self::NAMES[self.index()]
    }
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
            const NAMES: &'static [&'static str] = &[$($written),*];

            fn index(self) -> usize {
                self as usize
            }
        }
    };
}

label! {
    /// Why a connection was closed.
    pub(crate) enum CloseReason {
        /// The client closed it, or it failed.
        Client = "client",
        /// It was closed after the last response.
        Finished = "finished",
        /// It was idle longer than keep-alive-timeout.
        KeepAliveTimeout = "keep_alive_timeout",
        /// The client did not read its response in time.
        WriteTimeout = "write_timeout",
        /// A request was rejected.
        Protocol = "protocol",
        /// It was idle, and was closed to make room.
        Evicted = "evicted",
        /// It was answered 503 because of connection-limit.
        Rejected = "rejected",
        /// The server is stopping.
        Drain = "drain",
        /// The server or the application failed.
        Error = "error",
        /// The worker process that had it died.
        WorkerDied = "worker_died",
    }
}

label! {
    /// Why a connection was handed over to another worker process.
    pub(crate) enum HandoffReason {
        /// Its request would not have started soon when it arrived.
        Arrival = "arrival",
        /// Its request had waited for a tick.
        Tick = "tick",
        /// The other process had nothing to do, and asked.
        Pull = "pull",
        /// The process was overloaded with short requests.
        Level = "level",
        /// The process ends.
        Retire = "retire",
    }
}

label! {
    /// Why a connection could not be handed over.
    pub(crate) enum HandoffRefusal {
        /// The inbox of the other process was full.
        Full = "full",
        /// Too many descriptors were on their way to other processes.
        Descriptors = "descriptors",
        /// It arrived without its descriptor, because this process had none left.
        Truncated = "truncated",
        /// The other process has ended.
        Gone = "gone",
    }
}

label! {
    /// Why a connection or a request was answered 503, or not accepted.
    pub(crate) enum RejectReason {
        /// connection-limit is reached, and no connection is idle.
        Limit = "limit",
        /// queue-limit is reached.
        QueueFull = "queue_full",
        /// It waited for queue-timeout.
        QueueTimeout = "queue_timeout",
        /// The server is stopping.
        Draining = "draining",
        /// The process has no file descriptors left.
        FileDescriptors = "file_descriptors",
        /// The worker process hangs and is replaced.
        WorkerHung = "worker_hung",
        /// Neither memory nor disk is left for what it sends.
        Storage = "storage",
    }
}

label! {
    /// The stage of a request when its client disconnected.
    pub(crate) enum DisconnectStage {
        /// The request was arriving.
        Reading = "read",
        /// It was waiting for a thread.
        Queued = "queue",
        /// The application was running.
        Served = "app",
        /// The response was being sent.
        Writing = "write",
    }
}

label! {
    /// The state of a connection.
    pub(crate) enum ConnectionState {
        /// Between two requests.
        Idle = "idle",
        /// A request is arriving.
        Reading = "reading",
        /// A request waits for a thread.
        Queued = "queued",
        /// The application is running.
        Serving = "app",
        /// A response is being sent.
        Writing = "writing",
    }
}

label! {
    /// The kind of a log.
    pub(crate) enum LogStream {
        /// The log of the server.
        Server = "server",
        /// The access log.
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
        /// Any other method, or none.
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
    const NAMES: &'static [&'static str] = &{
        let mut names = [""; Self::ALL.len()];
        let mut index = 0;
        while index < names.len() {
            names[index] = Self::ALL[index].name();
            index += 1;
        }
        names
    };

    fn index(self) -> usize {
        self as usize
    }
}

impl Label for Stage {
    const ALL: &'static [Self] = &[Self::Call, Self::Iterate, Self::Close];
    const NAMES: &'static [&'static str] =
        &[Self::Call.as_str(), Self::Iterate.as_str(), Self::Close.as_str()];

    fn index(self) -> usize {
        self as usize
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
        is_in_order::<RejectReason>();
    }

    #[test]
    fn a_method_that_is_not_known_is_other() {
        assert_eq!(Method::of(b"GET"), Method::Get);
        assert_eq!(Method::of(b"get"), Method::Other);
        assert_eq!(Method::of(b"BREW"), Method::Other);
    }
}
