//! A client that uses the protocol state machine, without a socket.

use std::any::Any;
use std::collections::HashMap;
use std::io::{Read, Seek, SeekFrom};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Weak};
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use maitred_http_parser::connection::{Connection, Moment, Outcome, Received, Rules};
use maitred_http_parser::encode::HttpDate;
use maitred_http_parser::exchange::{
    Body, Chunk, Client, Exchange, FileBody, Flow, Presence, Reply,
};
use maitred_http_parser::{ApplicationFault, ResponseHead};

use super::source::PATIENCE;

/// A request, and how its client behaves.
pub struct Wire {
    pub raw: Vec<u8>,
    pub client: Client,
    /// Whether the body is given as a file.
    pub spools: bool,
    /// The client goes away after this many chunks.
    pub gone_after: Option<usize>,
    /// Every chunk makes the worker wait until this is set.
    pub takes_more: Option<Arc<AtomicBool>>,
    /// Where large chunks are kept, as the server keeps what a slow client has not taken.
    pub outbox: Option<Outbox>,
    /// Where the owners of files are kept, as the server keeps them until the last byte has left.
    pub files: Option<Files>,
    pub request_id: Option<Arc<str>>,
    pub seconds_in_queue: u64,
    /// The reply panics when it receives a chunk, as a server with a defect would.
    pub panics: bool,
}

/// Memory that the server holds for a slow client.
pub type Outbox = Arc<Mutex<Vec<Bytes>>>;

/// The owners of files that the server has not sent to their ends.
pub type Files = Arc<Mutex<Vec<Box<dyn Any + Send + Sync>>>>;

impl Wire {
    pub fn new(raw: &[u8]) -> Self {
        Self {
            raw: raw.to_vec(),
            client: super::client(),
            spools: false,
            gone_after: None,
            takes_more: None,
            outbox: None,
            files: None,
            request_id: None,
            seconds_in_queue: 0,
            panics: false,
        }
    }

    /// Reads the request and makes an exchange of it.
    pub fn into_exchange(self) -> (Exchange, Pending) {
        let now = now();
        let rules = Rules { server: Some("maitred".to_owned()), ..Rules::default() };
        let mut connection = Connection::new(Arc::new(rules), now.instant);
        let (mut out, mut head, mut body) = (Vec::new(), None, Vec::new());
        let mut input = self.raw.as_slice();
        loop {
            match connection.receive(&mut input, &mut out, &now) {
                Received::Head(received) => head = Some(received),
                Received::Body(piece) => body.extend_from_slice(piece),
                Received::End => break,
                other => panic!("the test's request is no request: {other:?}"),
            }
        }
        let body = match (body.is_empty(), self.spools) {
            (_, true) => super::spooled(&body),
            (true, false) => Body::Empty,
            (false, false) => Body::Memory(body.into()),
        };
        let pending = Pending::default();
        let is_gone = Arc::new(Gone(AtomicBool::new(false)));
        pending.0.0.lock().unwrap().connection = Some(Arc::<Gone>::clone(&is_gone));
        let reply = Recording {
            connection,
            head: None,
            received: Response::default(),
            pending: pending.clone(),
            is_gone,
            wire: WireRules {
                gone_after: self.gone_after,
                takes_more: self.takes_more,
                outbox: self.outbox,
                files: self.files,
                panics: self.panics,
            },
        };
        let queued_at = Instant::now();
        let exchange = Exchange {
            head: head.unwrap(),
            client: self.client,
            body,
            reply: Box::new(reply),
            queued_at,
            queued_for: std::time::Duration::from_secs(self.seconds_in_queue),
            request_id: self.request_id,
        };
        (exchange, pending)
    }
}

fn now() -> Moment {
    Moment { instant: Instant::now(), date: HttpDate::new(SystemTime::now()) }
}

/// What the client received.
#[derive(Clone, Debug, Default)]
pub struct Response {
    /// Everything, in order.
    pub bytes: Vec<u8>,
    /// What each call of the reply wrote; what is one element leaves in one write.
    pub writes: Vec<Vec<u8>>,
    pub outcome: Option<Outcome>,
    pub fault: Option<ApplicationFault>,
    /// How many bytes of it were sent by the kernel from a descriptor.
    pub from_file: u64,
    /// How many chunks came as memory that may be held.
    pub held_chunks: usize,
    /// What the access log is told of the environ.
    pub logged_environ: Vec<Option<Vec<u8>>>,
    pub was_dropped: bool,
}

impl Response {
    pub fn text(&self) -> String {
        self.bytes.iter().copied().map(char::from).collect()
    }

    fn parts(&self) -> (String, Vec<u8>) {
        let end = self.bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("no head in {:?}", self.text()));
        let head = self.bytes[..end].iter().copied().map(char::from).collect();
        (head, self.bytes[end + 4..].to_vec())
    }

    /// The status line without the version: `200 OK`.
    pub fn status(&self) -> String {
        let (head, _) = self.parts();
        head.lines().next().unwrap().split_once(' ').unwrap().1.to_owned()
    }

    /// The field lines, in order.
    pub fn fields(&self) -> Vec<(String, String)> {
        let (head, _) = self.parts();
        let split = |line: &str| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_owned(), value.to_owned())
        };
        head.split("\r\n").skip(1).map(split).collect()
    }

    pub fn field(&self, name: &str) -> Option<String> {
        let fields: HashMap<_, _> =
            self.fields().into_iter().map(|(name, value)| (name.to_lowercase(), value)).collect();
        fields.get(name).cloned()
    }

    /// The body as it stands on the wire.
    pub fn body(&self) -> Vec<u8> {
        self.parts().1
    }

    pub fn body_text(&self) -> String {
        String::from_utf8(self.body()).unwrap()
    }
}

/// A response that may not have come yet.
#[derive(Clone, Default)]
pub struct Pending(Arc<(Mutex<Slot>, Condvar)>);

#[derive(Default)]
struct Slot {
    response: Response,
    has_ended: bool,
    /// The connection, which stays when the response has ended.
    connection: Option<Arc<dyn Presence>>,
}

impl Pending {
    /// Blocks until the response has ended.
    pub fn take(&self) -> Response {
        self.wait_until("the end of the response", |slot| slot.has_ended).response.clone()
    }

    /// Blocks until what was received so far satisfies `enough`.
    pub fn until(&self, enough: impl Fn(&Response) -> bool) {
        drop(self.wait_until("what the client waits for", |slot| enough(&slot.response)));
    }

    fn wait_until(&self, what: &str, is_so: impl Fn(&Slot) -> bool) -> MutexGuard<'_, Slot> {
        let slot = self.0.0.lock().unwrap();
        let is_not_yet = |slot: &mut Slot| !is_so(slot);
        let (slot, waited) = self.0.1.wait_timeout_while(slot, PATIENCE, is_not_yet).unwrap();
        if waited.timed_out() {
            drop(slot); // a panic must leave the lock to the test's end
            panic!("waited in vain for {what}");
        }
        slot
    }

    /// How many hold the connection; one is this.
    pub fn holders_of_the_connection(&self) -> usize {
        let slot = self.0.0.lock().unwrap();
        slot.connection.as_ref().map_or(0, Arc::strong_count)
    }

    fn put(&self, response: &Response, has_ended: bool) {
        let mut slot = self.0.0.lock().unwrap();
        slot.response = response.clone();
        slot.has_ended = has_ended;
        self.0.1.notify_all();
    }
}

struct Gone(AtomicBool);

impl Presence for Gone {
    fn is_gone(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

struct WireRules {
    gone_after: Option<usize>,
    takes_more: Option<Arc<AtomicBool>>,
    outbox: Option<Outbox>,
    files: Option<Files>,
    panics: bool,
}

/// A reply that writes to nobody.
struct Recording {
    connection: Connection,
    head: Option<ResponseHead>,
    received: Response,
    pending: Pending,
    is_gone: Arc<Gone>,
    wire: WireRules,
}

impl Recording {
    fn write(&mut self, piece: &[u8], known: Option<u64>) -> Vec<u8> {
        let mut out = Vec::new();
        if let Some(head) = self.head.take() {
            self.connection.respond(head, known, &mut out, &now());
        }
        if let Some(frame) = self.connection.frame(piece.len() as u64) {
            out.extend_from_slice(frame.prefix());
            out.extend_from_slice(&piece[..frame.take as usize]);
            out.extend_from_slice(frame.suffix);
        }
        out
    }

    fn wrote(&mut self, out: Vec<u8>, has_ended: bool) {
        self.received.bytes.extend_from_slice(&out);
        self.received.writes.push(out);
        self.pending.put(&self.received, has_ended);
    }

    fn end(&mut self, outcome: Outcome, out: Vec<u8>) {
        self.received.outcome = Some(outcome);
        self.wrote(out, true);
    }

    fn hold(&mut self, chunk: Chunk<'_>) {
        if let Chunk::Owned(bytes) = chunk {
            self.received.held_chunks += 1;
            if let Some(outbox) = &self.wire.outbox {
                outbox.lock().unwrap().push(bytes);
            }
        }
    }
}

impl Reply for Recording {
    fn head(&mut self, head: ResponseHead) {
        if self.connection.is_owed() {
            self.head = Some(head);
        }
    }

    fn chunk(&mut self, chunk: Chunk<'_>) -> Flow {
        assert!(!self.wire.panics, "a defect of the server");
        if self.wire.gone_after == Some(self.received.writes.len()) {
            self.is_gone.0.store(true, Ordering::Relaxed);
            return Flow::Gone;
        }
        if !chunk.as_slice().is_empty() {
            let out = self.write(chunk.as_slice(), None);
            self.wrote(out, false);
        }
        self.hold(chunk);
        if self.connection.has_no_body() {
            Flow::Enough
        } else if self.wire.takes_more.is_some() {
            Flow::Wait
        } else {
            Flow::Continue
        }
    }

    fn wait(&mut self) -> Flow {
        if let Some(takes_more) = &self.wire.takes_more {
            while !takes_more.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
        }
        Flow::Continue
    }

    fn file(&mut self, mut file: FileBody) -> Flow {
        let mut bytes = vec![0; file.length as usize];
        file.file.seek(SeekFrom::Start(file.offset)).unwrap();
        file.file.read_exact(&mut bytes).unwrap();
        self.received.from_file = file.length;
        if let (Some(files), Some(owner)) = (&self.wire.files, file.owner) {
            files.lock().unwrap().push(owner);
        }
        let out = self.write(&bytes, Some(file.length));
        self.wrote(out, false);
        Flow::Continue
    }

    fn log_environ(&mut self, values: Vec<Option<Vec<u8>>>) {
        assert!(self.received.logged_environ.is_empty(), "told twice");
        self.received.logged_environ = values;
    }

    fn finish(&mut self, last: Chunk<'_>) -> Flow {
        let known = Some(last.as_slice().len() as u64);
        let mut out = self.write(last.as_slice(), known);
        let outcome = self.connection.finish(&mut out, &now());
        self.hold(last);
        self.end(outcome, out);
        if self.wire.takes_more.is_some() { Flow::Wait } else { Flow::Continue }
    }

    fn fail(&mut self, fault: ApplicationFault) {
        let mut out = Vec::new();
        self.head = None;
        let outcome = self.connection.fail(fault.clone(), &mut out, &now());
        self.received.fault = Some(fault);
        self.end(outcome, out);
    }

    fn presence(&self) -> Weak<dyn Presence> {
        Arc::<Gone>::downgrade(&self.is_gone) as Weak<dyn Presence>
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        if self.received.outcome.is_none() {
            self.received.was_dropped = true;
            self.pending.put(&self.received, true);
        }
    }
}
