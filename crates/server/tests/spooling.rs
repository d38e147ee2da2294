//! Tests of request bodies that do not fit in memory, and of disk errors.

mod support;

use std::io::Read as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use maitred_http_parser::exchange::Body;
use support::{App, Client, End, Served, answer, settings};

/// Says where the body is, and how long, and checks every byte of it.
fn inspect() -> Arc<App> {
    App::new(|mut exchange| {
        let (place, bytes) = match &mut exchange.body {
            Body::Empty => ("nowhere", Vec::new()),
            Body::Memory(bytes) => ("memory", bytes.to_vec()),
            Body::File { file, length } => {
                let mut bytes = Vec::new();
                file.read_to_end(&mut bytes).expect("it can be read, from its start");
                assert_eq!(bytes.len() as u64, *length);
                ("file", bytes)
            }
        };
        assert!(bytes == body(bytes.len()), "other bytes than were sent");
        answer(exchange, format!("{} in {place}", bytes.len()).as_bytes());
    })
}

/// A body whose bytes tell their places.
fn body(length: usize) -> Vec<u8> {
    let cycle: Vec<u8> = (0..=250).collect();
    let mut body = cycle.repeat(length.div_ceil(cycle.len()));
    body.truncate(length);
    body
}

const HEAD: &str = "POST / HTTP/1.1\r\nHost: t\r\n";

fn send_declared(client: &mut Client, length: usize) {
    client.send(format!("{HEAD}Content-Length: {length}\r\n\r\n").as_bytes());
    client.send(&body(length));
}

fn send_chunked(client: &mut Client, length: usize, chunk: usize) {
    client.send(format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n").as_bytes());
    for piece in body(length).chunks(chunk) {
        client.send(format!("{:x}\r\n", piece.len()).as_bytes());
        client.send(piece);
        client.send(b"\r\n");
    }
    client.send(b"0\r\n\r\n");
}

#[test]
fn a_body_goes_to_a_file_when_it_is_longer_than_inbuf_overflow() {
    let served = Served::start(
        settings().with(|settings| settings.limits.inbuf_overflow = 100_000),
        inspect(),
    );
    let mut client = served.connect();
    for (length, place) in [
        (1, "memory"),
        (99_999, "memory"),
        (100_000, "memory"),
        (100_001, "file"),
        (1_000_000, "file"),
    ] {
        let expected = format!("{length} in {place}");
        send_declared(&mut client, length);
        assert_eq!(String::from_utf8_lossy(&client.answer().body), expected);
        for chunk in [1000, 100_000, 1_000_000] {
            send_chunked(&mut client, length, chunk);
            assert_eq!(String::from_utf8_lossy(&client.answer().body), expected, "by {chunk}");
        }
    }
}

#[test]
fn nothing_is_left_in_the_folder_when_a_request_is_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let app = App::new(|exchange| {
        let Body::File { .. } = exchange.body else { panic!("not in a file") };
        answer(exchange, b"done");
    });
    let served = Served::start(
        settings().with(|settings| {
            settings.application.temp_dir = Some(folder.path().to_owned());
            settings.limits.inbuf_overflow = 1000;
        }),
        app,
    );
    let mut client = served.connect();
    send_declared(&mut client, 2000);
    assert_eq!(client.answer().body, b"done");
    // On Windows a file has its name for as long as somebody has it open.
    support::eventually("the file to be deleted", || {
        std::fs::read_dir(folder.path()).expect("it is there").count() == 0
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_has_no_name_and_is_gone_with_its_request() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_owned();
    let seen = path.clone();
    let app = App::new(move |exchange| {
        assert!(matches!(exchange.body, Body::File { .. }));
        let names = std::fs::read_dir(&seen).expect("it is there").count();
        answer(exchange, names.to_string().as_bytes());
    });
    let served = Served::start(
        settings().with(|settings| {
            settings.application.temp_dir = Some(path.clone());
            settings.limits.inbuf_overflow = 1000;
        }),
        app,
    );
    let mut client = served.connect();
    send_declared(&mut client, 2000);
    assert_eq!(client.answer().body, b"0");
    support::eventually("the file to be closed", || {
        let links = std::fs::read_dir("/proc/self/fd").expect("procfs");
        !links
            .filter_map(|link| std::fs::read_link(link.ok()?.path()).ok())
            .any(|target| target.starts_with(&path))
    });
}

/// The messages that were logged with a level of error, of all tests.
static ERRORS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Keeps errors.
struct Log;

impl tracing::Subscriber for Log {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() == tracing::Level::ERROR
    }

    fn event(&self, event: &tracing::Event<'_>) {
        struct Text<'a>(&'a mut Vec<String>);
        impl tracing::field::Visit for Text<'_> {
            fn record_debug(&mut self, _: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                self.0.push(format!("{value:?}"));
            }
        }
        event.record(&mut Text(&mut ERRORS.lock().expect("no panic in here")));
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

/// Sends bodies that the disk does not take, once `spoil` has been done to it, and some that need no
/// disk.
fn refuses_what_it_cannot_store(temp_dir: PathBuf, spoil: impl FnOnce()) {
    // Another test of this process may have set it before, to the same.
    let _ = tracing::subscriber::set_global_default(Log);
    let called = Arc::new(AtomicUsize::new(0));
    let count = called.clone();
    let app = App::new(move |exchange| {
        count.fetch_add(1, Ordering::Relaxed);
        answer(exchange, b"hello");
    });
    let limits = settings().with(|settings| {
        settings.application.temp_dir = Some(temp_dir);
        settings.limits.inbuf_overflow = 1000;
    });
    let served = Served::start_patiently(limits, app);
    spoil();
    for way in [send_declared, |client: &mut Client, length| send_chunked(client, length, 50_000)] {
        let mut client = served.connect();
        way(&mut client, 8_000_000);
        let told = client.answer();
        assert_eq!(told.status, 503);
        assert!(told.head.contains("\nConnection: close"), "{}", told.head);
        client.half_close();
        assert_eq!(client.rest().1, End::Closed);
        assert_eq!(called.load(Ordering::Relaxed), 0, "half a body was given to the application");
    }
    let mut client = served.connect();
    send_declared(&mut client, 1000);
    assert_eq!(client.answer().status, 200);
    let errors = ERRORS.lock().expect("no panic in here");
    assert!(errors.iter().any(|text| text.contains("temp-dir")), "{errors:?}");
}

#[test]
fn a_folder_that_has_gone_refuses_what_does_not_fit_into_memory() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_owned();
    refuses_what_it_cannot_store(path, || folder.close().expect("it is empty"));
}

/// Says to this program that it runs under a limit of the length of files.
#[cfg(unix)]
const LIMITED: &str = "MAITRED_TEST_FILES_ARE_LIMITED";

#[cfg(unix)]
#[test]
fn a_disk_that_is_full_in_the_middle_of_a_body_refuses_it() {
    if std::env::var_os(LIMITED).is_some() {
        let folder = tempfile::tempdir().expect("a folder");
        return refuses_what_it_cannot_store(folder.path().to_owned(), || ());
    }
    // A limit on the length of files fails a write as a full disk does, and needs no disk that is
    // full. Both the limit and the ignored signal are inherited.
    let name = std::thread::current().name().expect("tests have names").to_owned();
    let output = std::process::Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 2048; exec \"$0\" --exact \"$1\" --nocapture"])
        .arg(std::env::current_exe().expect("this program"))
        .arg(&name)
        .env(LIMITED, "yes")
        .output()
        .expect("a shell");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{output:?}");
}
