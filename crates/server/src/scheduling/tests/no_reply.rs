//! A request that nobody answers.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use maitred_http_parser::decode::{Decoded, Decoder};
use maitred_http_parser::exchange::{
    Body, Chunk, Client, Exchange, FileBody, Flow, Peer, Presence, Reply,
};
use maitred_http_parser::fault::ApplicationFault;
use maitred_http_parser::forwarded::Forwarded;
use maitred_http_parser::message::ResponseHead;
use maitred_http_parser::{Limits, RequestHead};

/// The head of any request.
pub(super) fn head() -> Arc<RequestHead> {
    let decoded = Decoder::new(Arc::new(Limits::default()))
        .decode(&mut b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".as_slice());
    let Decoded::Head(head) = decoded else { panic!("{decoded:?}") };
    head
}

/// A request with this head, whose reply goes nowhere.
pub(super) fn exchange(
    head: &Arc<RequestHead>,
    queued_at: Instant,
    request_id: Option<Arc<str>>,
) -> Exchange {
    let client =
        Client { peer: Arc::new(Peer::unix()), forwarded: Forwarded::default(), listener: 0 };
    Exchange {
        head: Arc::clone(head),
        client,
        body: Body::Empty,
        reply: Box::new(NoReply),
        queued_at,
        queued_for: Duration::ZERO,
        request_id,
    }
}

/// Takes everything, and does nothing.
pub(super) struct NoReply;

impl Reply for NoReply {
    fn head(&mut self, _: ResponseHead) {}

    fn chunk(&mut self, _: Chunk<'_>) -> Flow {
        Flow::Continue
    }

    fn wait(&mut self) -> Flow {
        Flow::Continue
    }

    fn file(&mut self, _: FileBody) -> Flow {
        Flow::Continue
    }

    fn finish(&mut self, _: Chunk<'_>) -> Flow {
        Flow::Continue
    }

    fn fail(&mut self, _: ApplicationFault) {}

    fn presence(&self) -> Weak<dyn Presence> {
        panic!("no application asks")
    }
}
