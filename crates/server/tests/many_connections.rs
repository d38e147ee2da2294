//! Tests of more than 512 connections, the limit of `select` on Windows.

mod support;

use std::time::Duration;

use support::{App, Served, answer, settings};

const CONNECTIONS: usize = 600;

const PATIENCE: Duration = Duration::from_secs(300);

/// Both ends of every connection are in this process, and many systems allow 1024 descriptors
/// unless asked for more.
#[cfg(unix)]
#[expect(unsafe_code, reason = "std cannot ask for more descriptors")]
fn allow_descriptors(wanted: usize) {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: it writes to the struct that it is given.
    assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) }, 0);
    let wanted = wanted as libc::rlim_t;
    assert!(wanted <= limit.rlim_max, "this test needs {wanted} descriptors: raise `ulimit -Hn`");
    limit.rlim_cur = limit.rlim_cur.max(wanted);
    // SAFETY: it reads the struct that it is given.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
}

#[cfg(windows)]
fn allow_descriptors(_wanted: usize) {}

#[test]
fn six_hundred_connections_are_open_at_once_and_every_one_is_served() {
    allow_descriptors(2 * CONNECTIONS + 100);
    let settings = settings().with(|settings| {
        settings.limits.connections = CONNECTIONS;
        settings.timeouts.keep_alive = PATIENCE;
        settings.timeouts.queue = PATIENCE;
    });
    let served = Served::start(
        settings,
        App::new(|exchange| {
            let path = exchange.head.path().to_vec();
            answer(exchange, &path);
        }),
    );
    let mut clients: Vec<_> = (0..CONNECTIONS).map(|_| served.connect()).collect();
    for client in &clients {
        // Under Wine any server's events come slowly when so many sockets are waited for.
        client.stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    }
    // Twice, so that all of them have been idle in between.
    for round in 0..2 {
        for (number, client) in clients.iter_mut().enumerate() {
            client.send(format!("GET /{round}/{number} HTTP/1.1\r\nHost: t\r\n\r\n").as_bytes());
        }
        for (number, client) in clients.iter_mut().enumerate() {
            let answer = client.answer();
            let path = format!("/{round}/{number}").into_bytes();
            assert_eq!((answer.status, answer.body), (200, path));
        }
    }
}
