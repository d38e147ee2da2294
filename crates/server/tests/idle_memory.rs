//! Tests of the memory of an idle keep-alive connection.

#![cfg(target_os = "linux")]

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use support::{App, Served, answer, settings};

/// Counts the bytes that are allocated.
struct Counting;

static ALLOCATED: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is handed on to the system's allocator as it came.
#[expect(unsafe_code, reason = "an allocator that counts is the exact gauge")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        ALLOCATED.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What an idle connection may hold, the reactor's part of it included.
const BYTES_PER_CONNECTION_MAX: usize = 2048;

/// Says to this program that it may open as many descriptors as the system allows.
const UNLIMITED: &str = "MAITRED_TEST_MANY_DESCRIPTORS";

#[test]
fn an_idle_connection_holds_less_than_two_kibibytes() {
    if std::env::var_os(UNLIMITED).is_some() {
        return measure();
    }
    // Both ends of 5,000 connections are in this process, and the soft limit is mostly 1,024.
    let name = std::thread::current().name().expect("tests have names").to_owned();
    let output = std::process::Command::new("sh")
        .args(["-c", "ulimit -n $(ulimit -H -n); exec \"$0\" --exact \"$1\" --nocapture"])
        .arg(std::env::current_exe().expect("this program"))
        .arg(&name)
        .env(UNLIMITED, "yes")
        .output()
        .expect("a shell");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{output:?}");
}

/// How many connections there can be: 5,000, or as many as the system lets us have.
fn possible() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").expect("procfs");
    let line = limits.lines().find(|line| line.starts_with("Max open files")).expect("a limit");
    let soft = line.split_whitespace().nth(3).expect("a number");
    let descriptors: usize = soft.parse().unwrap_or(usize::MAX);
    (descriptors.saturating_sub(200) / 2).min(5000)
}

#[expect(clippy::print_stdout, reason = "the figure is worth quoting")]
fn measure() {
    let count = possible();
    let limits = settings().with(|settings| {
        settings.limits.connections = count + 10;
        settings.network.backlog = 4096;
    });
    let app = App::new(|exchange| answer(exchange, &[b'x'; 5000]));
    let served = Served::start_patiently(limits, app);
    let use_once = |client: &mut support::Client| {
        // Larger than anything that may be kept, in either direction.
        let head = "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 20000\r\n\r\n";
        client.send(head.as_bytes());
        client.send(&[b'x'; 20_000]);
        assert_eq!(client.answer().body.len(), 5000);
    };
    // What the first connections make the server allocate for all.
    for _ in 0..50 {
        use_once(&mut served.connect());
    }
    served.wait_for_connections(0);

    let before = ALLOCATED.load(Ordering::Relaxed);
    let mut streams = Vec::with_capacity(count);
    let of_our_own = streams.capacity() * size_of::<std::net::TcpStream>();
    for _ in 0..count {
        let mut client = served.connect();
        use_once(&mut client);
        streams.push(client.stream);
    }
    assert_eq!(served.running.connections(), count);
    let after = ALLOCATED.load(Ordering::Relaxed);
    let each = (after - before - of_our_own) / count;
    println!("{count} idle connections hold {each} bytes each");
    assert!(each < BYTES_PER_CONNECTION_MAX, "{each} bytes each");
}
