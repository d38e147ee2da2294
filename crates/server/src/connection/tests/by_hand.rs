//! A connection without its I/O task, and the client's end of it: a test takes the steps of the task by
//! hand, in the order that it wants to see.

use std::io::{ErrorKind, Read as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use maitred_config::Settings;
use maitred_http_parser::exchange::{Peer, Reply};
use maitred_http_parser::message::ResponseHead;

use super::budget::ClientBudget;
use super::conn::ClientConnection;
use super::descriptors::ClientDescriptors;
use super::policy::Policy;
use super::request_id::RequestIds;
use super::shared::{Answers, Shared};
use super::submit::{Arriving, feed};
use super::temp_files::TempFiles;
use crate::scheduling::parallelism::Parallelism;
use crate::scheduling::queue::Queue;
use crate::telemetry::Telemetry;
use crate::transport::stream::Stream;

/// What no wait comes near but one that is in vain, however slow or crowded the machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Both ends of a connection, and what it shares with others.
pub(super) struct ByHand {
    pub(super) conn: Arc<ClientConnection>,
    pub(super) stream: Arc<Stream>,
    pub(super) client: TcpStream,
    /// Empty unless workers answer.
    pub(super) queue: Arc<Queue>,
    pub(super) telemetry: Arc<Telemetry>,
    /// The request whose body is arriving.
    pub(super) incoming: Arriving,
}

/// Runs a test on a runtime like that of the I/O thread, with one thread that may wait for a disk.
pub(super) fn run(test: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_io().max_blocking_threads(1).build().unwrap();
    runtime.block_on(test);
}

/// A head with status 200.
pub(super) fn ok() -> ResponseHead {
    ResponseHead::new(b"200 OK").unwrap()
}

impl ByHand {
    /// A new connection, whose requests wait for workers.
    pub(super) async fn connect(settings: &Settings) -> Self {
        Self::connect_to(settings, |queue| Answers::Workers(Arc::clone(queue))).await
    }

    /// The same, but somebody else may answer.
    pub(super) async fn connect_to(
        settings: &Settings,
        answers: impl FnOnce(&Arc<Queue>) -> Answers,
    ) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        client.set_nonblocking(true).unwrap();
        let (accepted, address) = listener.accept().await.unwrap();
        accepted.writable().await.unwrap();
        let telemetry = Arc::new(Telemetry::new(settings));
        let clock = Arc::clone(telemetry.clock());
        let queue = Queue::new(10, Parallelism::WITH_GIL, Arc::clone(&clock), Arc::default());
        let queue = Arc::new(queue);
        let budget = ClientBudget::new(settings.limits.client_memory, settings.limits.spool);
        let folder = settings.application.temp_dir.clone();
        let descriptors = Arc::new(ClientDescriptors::unlimited());
        let shared = Shared {
            policy: Arc::new(Policy::new(settings)),
            request_ids: RequestIds::new(clock.wall()),
            clock: Arc::clone(&clock),
            answers: answers(&queue),
            temp_files: TempFiles::new(folder, Arc::new(budget), Arc::clone(&descriptors)),
            descriptors,
            telemetry: Arc::clone(&telemetry),
            #[cfg(unix)]
            siblings: None,
        };
        let (stream, peer) = (Stream::Tcp(accepted), Peer::tcp(address));
        let conn = ClientConnection::new(Arc::new(shared), stream, peer, 0, clock.instant());
        let stream = conn.state().stream.clone().unwrap();
        Self { conn: Arc::new(conn), stream, client, queue, telemetry, incoming: None }
    }

    /// These bytes have been read.
    pub(super) fn feed(&mut self, input: &[u8]) {
        feed(&self.conn, &mut self.incoming, input);
    }

    /// The same for those of a whole request. Returns what a worker would answer it by.
    pub(super) fn request(&mut self, input: &[u8]) -> Box<dyn Reply> {
        self.feed(input);
        let mut requests = self.queue.clear();
        assert_eq!(requests.len(), 1);
        requests.remove(0).exchange.reply
    }

    /// How much output waits.
    pub(super) fn waiting(&self) -> u64 {
        self.conn.state().outbox.len()
    }

    /// What the client can read without waiting.
    pub(super) fn read(&mut self) -> Vec<u8> {
        let mut arrived = Vec::new();
        match self.client.read_to_end(&mut arrived) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
        arrived
    }

    /// What the client has read, and what it reads then until that ends in this way.
    pub(super) fn read_to(&mut self, mut arrived: Vec<u8>, end: &[u8]) -> Vec<u8> {
        self.client.set_nonblocking(false).unwrap();
        self.client.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut piece = [0; 65_536];
        while !arrived.ends_with(end) {
            let count = self.client.read(&mut piece).unwrap();
            assert!(count > 0, "it has ended after {} bytes", arrived.len());
            arrived.extend_from_slice(&piece[..count]);
        }
        arrived
    }
}
