//! HTTP/1.1 for an origin server, without a socket, a clock or a thread.
//!
//! The crate parses bytes into requests, and encodes a response head and body chunks into bytes.
//! Invalid input is rejected and never repaired, because input that one server repairs and another
//! does not can smuggle a second request past a proxy.
//!
//! The crate also defines the interface between a server and an application: [`exchange`] holds the
//! traits through which a request is handed over and answered, so that neither side depends on the
//! other.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::{Instant, SystemTime};
//!
//! use maitred_http_parser::ResponseHead;
//! use maitred_http_parser::connection::{Connection, Moment, Outcome, Received, Rules};
//! use maitred_http_parser::encode::HttpDate;
//!
//! let now = Moment { instant: Instant::now(), date: HttpDate::new(SystemTime::UNIX_EPOCH) };
//! let mut connection = Connection::new(Arc::new(Rules::default()), now.instant);
//! let mut received = &b"GET /hello HTTP/1.1\r\nHost: shop.example\r\n\r\n"[..];
//! let mut out = Vec::new(); // what is to be written to the socket
//!
//! let Received::Head(head) = connection.receive(&mut received, &mut out, &now) else { panic!() };
//! assert_eq!((head.method(), head.path()), ("GET", &b"/hello"[..]));
//! assert!(matches!(connection.receive(&mut received, &mut out, &now), Received::End));
//!
//! let body = b"Hello\n";
//! let length = body.len() as u64;
//! connection.respond(ResponseHead::new(b"200 OK")?, Some(length), &mut out, &now);
//! let frame = connection.frame(length).expect("a response is under way");
//! out.extend_from_slice(frame.prefix());
//! out.extend_from_slice(body);
//! out.extend_from_slice(frame.suffix);
//! assert_eq!(connection.finish(&mut out, &now), Outcome::Complete);
//! assert_eq!(
//!     String::from_utf8_lossy(&out),
//!     "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\nHello\n"
//! );
//! # Ok::<(), maitred_http_parser::ApplicationFault>(())
//! ```

#![forbid(unsafe_code)]
#![deny(clippy::disallowed_methods, reason = "this crate has no clock, no socket and no files")]
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "its input is hostile"
    )
)]

pub mod connection;
pub mod decode;
pub mod encode;
pub mod exchange;
pub mod fault;
pub mod forwarded;
pub mod limits;
pub mod message;
mod peer;
pub mod rejection;

pub use fault::ApplicationFault;
pub use limits::Limits;
pub use message::{RequestHead, ResponseHead, Version};
pub use rejection::Rejection;
