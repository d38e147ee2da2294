//! Many clients come and go in every way there is: nothing of them stays.

#![cfg(target_os = "linux")]

mod support;

use maitred_config::Settings;
use support::{App, Client, Served, answer, eventually, settings};

/// File descriptors of this process.
fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("procfs").count()
}

#[test]
fn five_thousand_clients_that_leave_badly_leave_nothing_behind() {
    let limits = Settings { connection_limit: 10_000, inbuf_overflow: 10, ..settings() };
    let served = Served::start(limits, App::new(|exchange| answer(exchange, b"hello")));
    assert_eq!(served.get("/").status, 200);
    served.wait_for_connections(0);
    let before = descriptors();
    let ways: [fn(&mut Client); 7] = [
        |_| (),
        |client| client.send(b"GET / HT"),
        |client| client.send(b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 100\r\n\r\nhalf"),
        |client| {
            // To a file, of which half has come.
            client.send(b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 100\r\n\r\n");
            client.send(&[b'x'; 50]);
        },
        |client| client.ask("/"),
        |client| {
            client.ask("/");
            assert_eq!(client.answer().status, 200);
            client.ask("/");
        },
        |client| client.send(b"mistake\r\n\r\n"),
    ];
    for number in 0..5000 {
        let mut client = served.connect();
        ways[number % ways.len()](&mut client);
        if number % 2 == 0 {
            client.reset();
        }
    }
    served.wait_for_connections(0);
    eventually("every descriptor to be closed", || descriptors() <= before);
    assert_eq!(served.get("/").status, 200);
}
