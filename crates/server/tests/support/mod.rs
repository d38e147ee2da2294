//! A Rust application, a server for it, and a client.

#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use maitred_config::{Endpoint, HostName, Port, Settings};
use maitred_http_parser::exchange::{
    Application, Chunk, Exchange, Exchanges, Flow, Reply, StackUnavailable, StartError, Wake,
    Worker,
};
use maitred_http_parser::message::ResponseHead;
use socket2::{Domain, SockRef, Socket, Type};

use maitred_server::{Clock, Gil, ListenAddress, Listeners, Running, Server, Telemetry, Waited};

/// Answers each exchange with a function, on std threads.
pub struct App {
    answer: Arc<dyn Fn(Exchange) + Send + Sync>,
    /// The threads whose stack somebody wanted, one name for each time.
    pub stacks: Arc<Mutex<Vec<String>>>,
}

impl App {
    pub fn new(answer: impl Fn(Exchange) + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { answer: Arc::new(answer), stacks: Arc::default() })
    }
}

/// A thread of an application, and who wanted to know what it does.
pub struct Thread {
    pub name: String,
    pub thread: JoinHandle<()>,
    pub stacks: Arc<Mutex<Vec<String>>>,
}

impl Application for App {
    fn start_worker(
        &self,
        name: &str,
        exchanges: Arc<dyn Exchanges>,
    ) -> Result<Box<dyn Worker>, StartError> {
        let answer = Arc::clone(&self.answer);
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                loop {
                    match exchanges.try_next() {
                        Some(exchange) => answer(exchange),
                        None if exchanges.wait() == Wake::Closed => return,
                        None => {}
                    }
                }
            })
            .expect("a thread can be started");
        let stacks = Arc::clone(&self.stacks);
        Ok(Box::new(Thread { name: name.to_owned(), thread, stacks }))
    }
}

impl Worker for Thread {
    fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    fn stack(&self, _patience: Duration) -> Result<String, StackUnavailable> {
        self.stacks.lock().expect("no test panics in here").push(self.name.clone());
        Ok(format!("the stack of {}\n", self.name))
    }
}

/// A head with status 200.
pub fn ok() -> ResponseHead {
    ResponseHead::new(b"200 OK").expect("a valid status")
}

/// Answers with `body`, whose length is known.
pub fn answer(mut exchange: Exchange, body: &[u8]) {
    exchange.reply.head(ok());
    let _ = exchange.reply.finish(Chunk::Borrowed(body));
}

/// Ends a response as a worker should: what its client does not read is moved out of memory.
pub fn finish(reply: &mut dyn Reply, last: Chunk<'_>) {
    if reply.finish(last) == Flow::Wait {
        // The response has ended, whatever comes of it.
        let _ = reply.wait();
    }
}

/// What no wait comes near but one that is in vain, however slow or crowded the machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for a fact that must come about, and never for time.
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..PATIENCE.as_millis() {
        if is_so() {
            return;
        }
        std::thread::park_timeout(Duration::from_millis(1));
    }
    panic!("waited in vain for {what}");
}

/// What an application tells the test next.
pub fn next<T>(told: &Receiver<T>) -> T {
    told.recv_timeout(PATIENCE).expect("the application tells something")
}

/// Where the application waits until the test lets it go on.
#[derive(Debug, Default)]
pub struct Gate {
    state: Mutex<(usize, bool)>,
    changed: Condvar,
}

impl Gate {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Waits until the gate is open.
    pub fn pass(&self) {
        let mut state = self.state.lock().expect("no test panics in here");
        state.0 += 1;
        self.changed.notify_all();
        while !state.1 {
            state = self.changed.wait(state).expect("no test panics in here");
        }
        state.0 -= 1;
    }

    /// Opens it for good.
    pub fn open(&self) {
        self.state.lock().expect("no test panics in here").1 = true;
        self.changed.notify_all();
    }

    /// Whether a thread stands before it.
    pub fn is_reached(&self) -> bool {
        self.state.lock().expect("no test panics in here").0 > 0
    }

    /// Waits until so many threads stand before it.
    pub fn wait_for(&self, count: usize) {
        let state = self.state.lock().expect("no test panics in here");
        let are_missing = |state: &mut (usize, bool)| state.0 < count;
        let waited = self.changed.wait_timeout_while(state, PATIENCE, are_missing);
        let is_late = waited.expect("no test panics in here").1.timed_out();
        assert!(!is_late, "waited in vain for {count} threads");
    }
}

/// Opens a gate when a test ends, however it ends, so that its server can end as well.
pub struct Opens(pub Arc<Gate>);

impl Drop for Opens {
    fn drop(&mut self) {
        self.0.open();
    }
}

/// Settings for a free port on loopback.
pub fn settings() -> Settings {
    Settings::default().with(|settings| {
        settings.network.listen =
            vec![Endpoint::Tcp { host: HostName::Name("127.0.0.1".into()), port: Port::Number(0) }]
    })
}

/// The value of a series in the text of a scrape: its name and labels as they are written there.
pub fn metric(scrape: &str, series: &str) -> f64 {
    let line = scrape.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in\n{scrape}")).parse().expect("a number")
}

/// The telemetry of a server whose clock stands still.
pub fn standing(settings: &Settings) -> Arc<Telemetry> {
    Arc::new(Telemetry::new(settings).with_clock(Arc::new(Clock::standing())))
}

/// A running server; stopped when dropped.
pub struct Served {
    pub running: Running,
    pub address: SocketAddr,
    pub clock: Arc<Clock>,
    pub telemetry: Arc<Telemetry>,
}

impl Served {
    pub fn start(settings: Settings, application: Arc<dyn Application>) -> Self {
        Self::start_with(settings, application, Gil::Enabled)
    }

    pub fn start_with(settings: Settings, application: Arc<dyn Application>, lock: Gil) -> Self {
        let telemetry = Arc::new(Telemetry::new(&settings));
        Self::start_whole(settings, application, lock, telemetry)
    }

    /// With a clock that stands still: no timeout passes, however slow the machine is.
    pub fn start_patiently(settings: Settings, application: Arc<dyn Application>) -> Self {
        let telemetry = standing(&settings);
        Self::start_whole(settings, application, Gil::Enabled, telemetry)
    }

    /// With reports that somebody else looks at, too.
    pub fn start_reporting(
        settings: Settings,
        application: Arc<dyn Application>,
        telemetry: Arc<Telemetry>,
    ) -> Self {
        Self::start_whole(settings, application, Gil::Disabled, telemetry)
    }

    pub fn start_whole(
        settings: Settings,
        application: Arc<dyn Application>,
        lock: Gil,
        telemetry: Arc<Telemetry>,
    ) -> Self {
        Self::start_as(settings, application, lock, telemetry, |server| server)
    }

    /// A server that is completed by `complete` before it starts.
    pub fn start_as(
        settings: Settings,
        application: Arc<dyn Application>,
        lock: Gil,
        telemetry: Arc<Telemetry>,
        complete: impl FnOnce(Server) -> Server,
    ) -> Self {
        let listeners = Listeners::bind(&settings).expect("a free port");
        let Some(&ListenAddress::Tcp(address)) = listeners.addresses().next() else {
            panic!("not a TCP address")
        };
        let clock = Arc::clone(telemetry.clock());
        let server = Server::new(Arc::new(settings), listeners, application, telemetry.clone())
            .with_gil(lock);
        let running = complete(server).start().expect("the server starts");
        Self { running, address, clock, telemetry }
    }

    pub fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// The value of a series in a scrape.
    pub fn metric(&self, series: &str) -> f64 {
        metric(&self.telemetry.scrape(), series)
    }

    /// Returns when a series has a value, which it will reach by itself.
    pub fn until(&self, series: &str, value: f64) {
        eventually(series, || self.metric(series) == value);
    }

    /// Returns when so many connections are between two requests: a client may have its answer
    /// before the server has done what comes after.
    pub fn until_idle(&self, count: u8) {
        self.until("maitred_connections{worker=\"0\",state=\"idle\"}", f64::from(count));
    }

    /// A client whose end of the connection holds little: what it does not read stays with the
    /// server.
    pub fn connect_narrow(&self) -> Client {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.set_recv_buffer_size(65_536).expect("a small buffer can be asked for");
        socket.connect(&self.address.into()).expect("the server accepts");
        Client::new(socket.into())
    }

    /// Returns when the I/O thread has seen whatever clients did before the call: it answers
    /// mistakes by itself, and looks at all that has happened before it looks at what came later.
    pub fn settle(&self) {
        for _ in 0..3 {
            let mut client = self.connect();
            client.send(b"mistake\r\n\r\n");
            assert_eq!(client.answer().status, 400);
        }
    }

    /// Puts the clock forward by `step`, and returns when the server has said or done something
    /// about `client`. It must have seen before all that the client did.
    pub fn advance_until_heard(&self, client: &mut Client, step: Duration) {
        self.clock.advance(step);
        self.running.tick();
        if let Err(error) = client.stream.peek(&mut [0]) {
            assert_eq!(error.kind(), ErrorKind::ConnectionReset, "the server has done nothing");
        }
    }

    /// Waits until there are so many connections.
    pub fn wait_for_connections(&self, count: usize) {
        eventually(&format!("{count} connections"), || self.running.connections() == count);
    }

    /// One request on a connection of its own.
    pub fn get(&self, path: &str) -> Answer {
        let mut client = self.connect();
        client.send(format!("GET {path} HTTP/1.1\r\nHost: t\r\n\r\n").as_bytes());
        client.answer()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.running.drain();
        self.running.kill();
        assert_eq!(self.running.wait(), Waited::Stopped);
    }
}

/// A client's end of a connection.
pub struct Client {
    pub stream: TcpStream,
    buffer: Vec<u8>,
}

/// A response.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

/// How a response, or a connection, ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The server closed.
    Closed,
    /// The server, or the kernel on its behalf, reset the connection.
    Reset,
}

impl Client {
    pub fn connect(address: SocketAddr) -> Self {
        Self::new(TcpStream::connect(address).expect("the server accepts"))
    }

    fn new(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        stream.set_nodelay(true).expect("nodelay can be set");
        Self { stream, buffer: Vec::new() }
    }

    /// A request without a body.
    pub fn ask(&mut self, path: &str) {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes());
    }

    /// Sends no more, and still reads.
    pub fn half_close(&mut self) {
        self.stream.shutdown(std::net::Shutdown::Write).expect("the connection is there");
    }

    /// Goes away with a reset.
    pub fn reset(self) {
        let socket = SockRef::from(&self.stream);
        socket.set_linger(Some(Duration::ZERO)).expect("linger can be set");
    }

    /// Reads to the end.
    pub fn rest(&mut self) -> (Vec<u8>, End) {
        let mut rest = std::mem::take(&mut self.buffer);
        let mut piece = vec![0; 65536];
        loop {
            match self.stream.read(&mut piece) {
                Ok(0) => return (rest, End::Closed),
                Ok(count) => rest.extend_from_slice(&piece[..count]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                    return (rest, End::Reset);
                }
                Err(error) => panic!("{error} after {} bytes", rest.len()),
            }
        }
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the server reads");
    }

    /// Whether the server has sent something that was not read.
    pub fn has_more(&self) -> bool {
        self.stream.set_nonblocking(true).expect("a mode can be set");
        let is_there = self.stream.peek(&mut [0]).is_ok();
        self.stream.set_nonblocking(false).expect("a mode can be set");
        is_there
    }

    /// Reads more; false at the end of the stream.
    fn more(&mut self) -> bool {
        let mut piece = [0; 65536];
        let count = self.stream.read(&mut piece).expect("the server answers");
        self.buffer.extend_from_slice(&piece[..count]);
        count > 0
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        while self.buffer.len() < count {
            assert!(self.more(), "the response was cut short: {:?}", self.buffer);
        }
        let rest = self.buffer.split_off(count);
        std::mem::replace(&mut self.buffer, rest)
    }

    fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|two| two == b"\r\n") {
                let line = self.take(end + 2);
                return String::from_utf8_lossy(&line[..end]).into_owned();
            }
            assert!(self.more(), "the response was cut short: {:?}", self.buffer);
        }
    }

    /// Reads the head of a response that has no body.
    pub fn head(&mut self) -> Answer {
        let status_line = self.line();
        let status = status_line[9..12].parse().expect("a status");
        let mut head = status_line;
        loop {
            let line = self.line();
            if line.is_empty() {
                return Answer { status, head, body: Vec::new() };
            }
            head.push('\n');
            head.push_str(&line);
        }
    }

    /// Reads one response, whatever its framing.
    pub fn answer(&mut self) -> Answer {
        let mut head = String::new();
        let (mut length, mut chunked) = (None, false);
        let status_line = self.line();
        let status = status_line[9..12].parse().expect("a status");
        head.push_str(&status_line);
        loop {
            let line = self.line();
            if line.is_empty() {
                break;
            }
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length: ") {
                length = Some(value.parse().expect("a length"));
            }
            chunked |= lower == "transfer-encoding: chunked";
            head.push('\n');
            head.push_str(&line);
        }
        let mut body = Vec::new();
        if chunked {
            loop {
                let size = usize::from_str_radix(&self.line(), 16).expect("a chunk size");
                body.extend(self.take(size));
                assert_eq!(self.take(2), b"\r\n");
                if size == 0 {
                    break;
                }
            }
        } else if let Some(length) = length {
            body = self.take(length);
        } else if status >= 200 && status != 204 && status != 304 {
            while self.more() {}
            body = std::mem::take(&mut self.buffer);
        }
        Answer { status, head, body }
    }

    /// Whether the server has closed, with nothing more sent.
    pub fn is_closed(&mut self) -> bool {
        let mut piece = [0; 1];
        match self.stream.read(&mut piece) {
            Ok(0) => self.buffer.is_empty(),
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
            Ok(_) => false,
        }
    }
}
