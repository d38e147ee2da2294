//! Tests that connections leave nothing behind, however they end.

#![cfg(target_os = "linux")]

mod support;

use std::sync::Mutex;

use support::{App, Client, Gate, Opens, Served, answer, eventually, settings};

/// Both tests count what the whole process has.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// File descriptors of this process.
fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("procfs").count()
}

#[test]
fn five_thousand_clients_that_leave_badly_leave_nothing_behind() {
    let _alone = ONE_AT_A_TIME.lock();
    let limits = settings().with(|settings| {
        settings.limits.connections = 10_000;
        settings.limits.inbuf_overflow = 10;
    });
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

#[test]
fn those_who_were_turned_away_and_stay_are_left_in_the_end() {
    let _alone = ONE_AT_A_TIME.lock();
    let gate = Gate::new();
    let _opens = Opens(gate.clone());
    let inside = gate.clone();
    let app = App::new(move |exchange| {
        inside.pass();
        answer(exchange, b"hello");
    });
    let served = Served::start(settings().with(|settings| settings.limits.connections = 1), app);
    let mut only = served.connect();
    only.ask("/");
    gate.wait_for(1);
    let before = descriptors();
    // More than are waited for at once. None of them closes its end.
    let mut newcomers: Vec<_> = (0..100).map(|_| served.connect()).collect();
    for newcomer in &mut newcomers {
        assert_eq!(newcomer.answer().status, 503);
    }
    // Fewer, where something of the other test's has been closed only now.
    eventually("the server's ends to be closed", || descriptors() <= before + newcomers.len());
    gate.open();
    assert_eq!(only.answer().status, 200);
}
