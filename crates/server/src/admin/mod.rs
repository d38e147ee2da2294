//! The admin listener: probes, metrics and status, from a thread that nothing else can block.
//!
//! It has its own thread and reactor, is bound before the application is imported, and needs
//! neither the interpreter, nor the queue, nor a connection under `connection-limit`: it answers
//! even if everything else is stuck, which is when it is needed. It uses the same protocol code as
//! the server. Its clients are trusted not to attack it, but not to behave well: connections are
//! few and short-lived, and the oldest is closed to make room for the newest.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use maitred_config::Settings;
use maitred_http_parser::connection::{Connection, Moment, Received, Rules, Timeouts};
use maitred_http_parser::{Limits, RequestHead};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::lifecycle::restart::after_panics;
use crate::listen::acceptor::Acceptor;
use crate::listen::{BindError, ListenAddress, Listener, after_parent, bind_admin};
use crate::system::clock::Clock;
use crate::system::mutex::Mutex;
use crate::telemetry::Telemetry;
use crate::transport::stream::Stream;

mod pages;

/// The maximum number of connections. Prometheus has one, the kubelet one for each probe.
const CONNECTIONS_MAX: usize = 32;

/// How often the deadline of a waiting connection is checked.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The maximum time to send a response.
const WRITE_WITHIN: Duration = Duration::from_secs(5);

/// How long further input of a rejected client is discarded.
const LINGER: Duration = Duration::from_secs(1);

/// How long accepting pauses when the process has no descriptors left.
const NO_DESCRIPTORS_PAUSE: Duration = Duration::from_millis(100);

/// The size of the read buffer; the request of a probe has a few hundred bytes.
const READ_BYTES: usize = 4096;

/// A bound admin listener.
#[derive(Debug)]
pub struct Admin {
    listeners: Vec<Listener>,
    server: Option<String>,
}

/// A running admin listener. It serves until this is dropped.
#[derive(Debug)]
pub struct AdminThread {
    stop: Arc<Notify>,
    thread: Option<JoinHandle<()>>,
}

impl Admin {
    /// Binds the address of `admin-listen`; `None` if it is not set.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub fn bind(settings: &Settings) -> Result<Option<Self>, BindError> {
        let Some(endpoint) = &settings.network.admin_listen else { return Ok(None) };
        let listeners = bind_admin(endpoint, settings)?;
        Ok(Some(Self { listeners, server: settings.application.ident.clone() }))
    }

    /// The same in a process that was forked by one that has the address, and is about to end.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub fn bind_after_parent(settings: &Settings) -> Result<Option<Self>, BindError> {
        after_parent(|| Self::bind(settings))
    }

    /// The addresses that it listens on.
    pub fn addresses(&self) -> impl Iterator<Item = &ListenAddress> {
        self.listeners.iter().map(|listener| &listener.address)
    }

    /// Starts to serve.
    ///
    /// # Errors
    /// The thread or its reactor could not be created.
    pub fn start(mut self, telemetry: Arc<Telemetry>) -> io::Result<AdminThread> {
        let keep = Listener::keep_from_children;
        self.listeners.iter_mut().try_for_each(keep).map_err(io::Error::other)?;
        let stop = Arc::new(Notify::new());
        let told = Arc::clone(&stop);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .max_blocking_threads(2)
            .build()?;
        let service = Arc::new(Service {
            telemetry,
            clock: Clock::new(),
            rules: Arc::new(rules(self.server)),
            connections: Mutex::default(),
        });
        let acceptors = {
            let _inside = runtime.enter();
            self.listeners.iter().map(Acceptor::register).collect::<io::Result<Vec<_>>>()?
        };
        let listeners = self.listeners;
        let thread = std::thread::Builder::new().name("maitred-admin".into()).spawn(move || {
            for acceptor in acceptors {
                let (service, acceptor) = (Arc::clone(&service), Arc::new(acceptor));
                let accept = move || accept(Arc::clone(&service), Arc::clone(&acceptor));
                runtime.spawn(after_panics("accepting on admin-listen", accept));
            }
            runtime.block_on(told.notified());
            runtime.shutdown_timeout(Duration::ZERO);
            drop(listeners); // also removes the file of a Unix socket
        })?;
        Ok(AdminThread { stop, thread: Some(thread) })
    }
}

impl Drop for AdminThread {
    fn drop(&mut self) {
        self.stop.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic in it has already been printed.
            let _ = thread.join();
        }
    }
}

/// The state that all admin connections share.
#[derive(Debug)]
struct Service {
    telemetry: Arc<Telemetry>,
    clock: Clock,
    rules: Arc<Rules>,
    connections: Mutex<VecDeque<AbortHandle>>,
}

fn rules(server: Option<String>) -> Rules {
    Rules {
        limits: Arc::new(Limits { head_bytes: 16 * 1024, body_bytes: 4096, ..Limits::default() }),
        timeouts: Timeouts {
            // Longer than common scrape intervals, so that the connection of Prometheus persists.
            keep_alive: Duration::from_secs(75),
            head: Duration::from_secs(5),
            body: Duration::from_secs(5),
            write: WRITE_WITHIN,
        },
        server,
    }
}

async fn accept(service: Arc<Service>, acceptor: Arc<Acceptor>) {
    loop {
        match poll_fn(|cx| acceptor.poll_accept(cx)).await {
            Ok((stream, _)) => {
                let connection = tokio::spawn(serve_connection(Arc::clone(&service), stream));
                service.make_room_for(connection.abort_handle());
            }
            // Most failures concern one connection; without descriptors, all fail for a while.
            Err(_) => tokio::time::sleep(NO_DESCRIPTORS_PAUSE).await,
        }
    }
}

impl Service {
    /// Adds a connection; if there are too many, the oldest is closed.
    fn make_room_for(&self, connection: AbortHandle) {
        let mut connections = self.connections.lock();
        connections.retain(|connection| !connection.is_finished());
        if connections.len() >= CONNECTIONS_MAX
            && let Some(oldest) = connections.pop_front()
        {
            oldest.abort();
        }
        connections.push_back(connection);
    }

    fn now(&self) -> Moment {
        self.clock.tick();
        self.clock.now()
    }
}

/// One connection, until it ends.
async fn serve_connection(service: Arc<Service>, stream: Stream) {
    let mut protocol = Connection::new(Arc::clone(&service.rules), service.clock.instant());
    let mut buffer = vec![0; READ_BYTES];
    let mut out = Vec::new();
    let mut head = None;
    loop {
        let reading = poll_fn(|cx| stream.poll_read(cx, &mut buffer));
        let received = tokio::time::timeout(LOOK_AGAIN, reading).await;
        let now = service.now();
        match received {
            Err(_) => drop(protocol.handle_time(&mut out, &now)),
            Ok(Ok(0)) => drop(protocol.handle_eof(&mut out, &now)),
            Ok(Ok(count)) => {
                let mut input = &buffer[..count];
                while let Some(asked) = next(&mut protocol, &mut head, &mut input, &mut out, &now) {
                    answer(&service, &mut protocol, &asked, &mut out).await;
                }
            }
            Ok(Err(_)) => return,
        }
        if send(&stream, &mut out).await.is_err() {
            return;
        }
        if protocol.ending().is_some() {
            return linger(&stream, &mut buffer).await;
        }
    }
}

/// The next complete request.
fn next(
    protocol: &mut Connection,
    head: &mut Option<RequestHead>,
    input: &mut &[u8],
    out: &mut Vec<u8>,
    now: &Moment,
) -> Option<RequestHead> {
    loop {
        match protocol.receive(input, out, now) {
            Received::Wait | Received::Buffered | Received::Ignored | Received::Rejected(_) => {
                return None;
            }
            Received::Head(new) => *head = Some(new),
            Received::Body(_) => {} // nothing here is made of what a client sends
            Received::End => return head.take(),
        }
    }
}

/// Answers a request.
async fn answer(
    service: &Service,
    protocol: &mut Connection,
    asked: &RequestHead,
    out: &mut Vec<u8>,
) {
    let page = pages::find(&service.telemetry, asked).await;
    let now = service.now();
    let length = page.body.len() as u64;
    protocol.respond(page.head, Some(length), out, &now);
    if let Some(frame) = protocol.frame(length) {
        let take = usize::try_from(frame.take).unwrap_or(usize::MAX);
        out.extend_from_slice(frame.prefix());
        out.extend_from_slice(page.body.as_bytes().get(..take).unwrap_or_default());
        out.extend_from_slice(frame.suffix);
    }
    // The length is correct, so the response is complete.
    let _ = protocol.finish(out, &now);
}

/// Sends everything, within the time limit.
async fn send(stream: &Stream, out: &mut Vec<u8>) -> io::Result<()> {
    let sending = async {
        let mut rest = &out[..];
        while !rest.is_empty() {
            match stream.try_write(&[io::IoSlice::new(rest)]) {
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    poll_fn(|cx| stream.poll_write_ready(cx)).await?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    };
    tokio::time::timeout(WRITE_WITHIN, sending).await??;
    out.clear();
    Ok(())
}

/// Reads for a moment longer, so that a reset does not destroy the response.
async fn linger(stream: &Stream, buffer: &mut [u8]) {
    stream.close_write();
    let reading = async { while let Ok(1..) = poll_fn(|cx| stream.poll_read(cx, buffer)).await {} };
    // The client has closed the connection, or the time is over.
    let _ = tokio::time::timeout(LINGER, reading).await;
}
