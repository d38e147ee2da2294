//! Tests of what the server keeps along with a file: its owner lives until the last byte has left, and
//! a worker is woken then.

mod support;

use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use maitred_http_parser::exchange::{
    Application, Chunk, Exchange, Exchanges, FileBody, Housekeeper, StartError, Wake, Worker,
};
use support::{App, Client, Served, eventually, ok, settings};

/// More than the buffers of two sockets hold.
const LENGTH: usize = 16 << 20;

/// Counts the owners that have been dropped.
#[derive(Default)]
struct Dropped(AtomicUsize);

struct Owner {
    dropped: Arc<Dropped>,
    exchanges: Arc<dyn Exchanges>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.dropped.0.fetch_add(1, Ordering::SeqCst);
        self.exchanges.housekeep(Housekeeper::ThisWorker);
    }
}

/// An application of one file, which counts how often its only worker does housekeeping.
#[derive(Default)]
struct OneFile {
    dropped: Arc<Dropped>,
    kept_house: Arc<AtomicUsize>,
}

fn send_file(mut exchange: Exchange, owner: Owner) {
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(&vec![b'x'; LENGTH]).expect("a disk");
    exchange.reply.head(ok());
    let owner: Option<Box<dyn std::any::Any + Send + Sync>> = Some(Box::new(owner));
    let _ = exchange.reply.file(FileBody { file, offset: 0, length: LENGTH as u64, owner });
    let _ = exchange.reply.finish(Chunk::Borrowed(b""));
}

impl Application for OneFile {
    fn start_worker(
        &self,
        name: &str,
        exchanges: Arc<dyn Exchanges>,
    ) -> Result<Box<dyn Worker>, StartError> {
        let (dropped, kept_house) = (Arc::clone(&self.dropped), Arc::clone(&self.kept_house));
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            loop {
                if let Some(exchange) = exchanges.try_next() {
                    let (dropped, exchanges) = (Arc::clone(&dropped), Arc::clone(&exchanges));
                    send_file(exchange, Owner { dropped, exchanges });
                    continue;
                }
                match exchanges.wait() {
                    Wake::Work => {}
                    Wake::Housekeeping => {
                        kept_house.fetch_add(1, Ordering::SeqCst);
                    }
                    Wake::Closed => return,
                }
            }
        });
        let thread = thread.expect("a thread can be started");
        let stacks = Arc::default();
        Ok(Box::new(support::Thread { name: name.to_owned(), thread, stacks }))
    }
}

/// A server whose clock and sweeps stand still, and how many owners have been dropped.
fn serve() -> (Served, Arc<OneFile>) {
    let application = Arc::new(OneFile::default());
    let settings = settings().with(|settings| settings.limits.threads = 1);
    let served = Served::start_patiently(settings, application.clone());
    (served, application)
}

/// Asks, and returns when the worker has given the file to the server, which is sending it.
fn ask_and_leave_to_the_server(served: &Served, client: &mut Client) {
    client.ask("/");
    client.stream.peek(&mut [0]).expect("the server answers");
    served.until("maitred_threads_busy{worker=\"0\"}", 0.0);
}

fn dropped(application: &OneFile) -> usize {
    application.dropped.0.load(Ordering::SeqCst)
}

#[test]
fn the_owner_of_a_file_stays_until_a_slow_client_has_its_last_byte() {
    let (served, application) = serve();
    let mut client = served.connect_narrow();
    ask_and_leave_to_the_server(&served, &mut client);
    served.settle();
    assert_eq!(dropped(&application), 0);
    let before = application.kept_house.load(Ordering::SeqCst);
    assert_eq!(client.answer().body.len(), LENGTH);
    eventually("the owner to be dropped", || dropped(&application) == 1);
    eventually("a worker to be woken", || application.kept_house.load(Ordering::SeqCst) > before);
}

#[test]
fn the_owner_of_a_file_goes_with_a_client_that_goes() {
    let (served, application) = serve();
    let mut client = served.connect_narrow();
    ask_and_leave_to_the_server(&served, &mut client);
    client.reset();
    eventually("the owner to be dropped", || dropped(&application) == 1);
    served.wait_for_connections(0);
}

#[test]
fn the_owner_of_a_file_that_nobody_gets_goes_at_once() {
    let (served, application) = serve();
    let mut client: Client = served.connect();
    client.send(b"HEAD / HTTP/1.1\r\nHost: t\r\n\r\n");
    assert_eq!(client.head().status, 200);
    eventually("the owner to be dropped", || dropped(&application) == 1);
}

#[test]
fn a_drain_waits_for_a_file_on_its_way_and_its_owner_goes_before_the_worker() {
    let order = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&order);
    let app = App::new(move |mut exchange| {
        struct Tells(Arc<Mutex<Vec<&'static str>>>);
        impl Drop for Tells {
            fn drop(&mut self) {
                self.0.lock().expect("no test panics in here").push("owner");
            }
        }
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(&vec![b'x'; LENGTH]).expect("a disk");
        exchange.reply.head(ok());
        let owner: Option<Box<dyn std::any::Any + Send + Sync>> =
            Some(Box::new(Tells(Arc::clone(&seen))));
        let _ = exchange.reply.file(FileBody { file, offset: 0, length: LENGTH as u64, owner });
        let _ = exchange.reply.finish(Chunk::Borrowed(b""));
    });
    let served = Served::start_patiently(settings(), app);
    let mut client = served.connect_narrow();
    ask_and_leave_to_the_server(&served, &mut client);
    served.running.drain();
    assert_eq!(client.answer().body.len(), LENGTH);
    drop(served); // waits for the workers
    assert_eq!(*order.lock().expect("no test panics in here"), ["owner"]);
}
