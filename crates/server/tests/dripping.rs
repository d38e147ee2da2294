//! A client that sends its head in drips is answered 408 by the first sweep after the deadline, on
//! every port: its bytes do not put the deadline off.

mod support;

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use maitred_server::{Admin, Clock, ListenAddress, Telemetry};
use support::{App, Client, Served, answer, eventually, settings};

/// The deadline of a head on the admin listener.
const ADMIN_DEADLINE: Duration = Duration::from_secs(5);

/// Another one for the server, so that neither can be taken for the other.
const DEADLINE: Duration = Duration::from_secs(8);

/// Sends a head in drips. `has_begun` says whether the first byte has arrived.
fn drip(
    mut client: Client,
    clock: &Clock,
    deadline: Duration,
    has_begun: impl Fn() -> bool,
    tick: impl Fn(),
) {
    client.send(b"G");
    eventually("the request has begun", has_begun);
    let step = Duration::from_secs(1);
    client.stream.set_nonblocking(true).expect("it can be set");
    for drip in b"ET /a/long/path".iter().take(deadline.as_secs() as usize - 1) {
        clock.advance(step);
        client.send(&[*drip]);
        tick();
        let heard = client.stream.peek(&mut [0]).expect_err("it has time left");
        assert_eq!(heard.kind(), ErrorKind::WouldBlock);
    }
    client.stream.set_nonblocking(false).expect("it can be set");
    clock.advance(step);
    tick();
    assert_eq!(client.answer().status, 408);
    assert!(client.is_closed());
}

#[test]
fn a_head_that_drips_to_the_server_is_answered_408_by_the_sweep_after_header_timeout() {
    let settings = settings().with(|settings| {
        settings.limits.threads = 1;
        settings.timeouts.header = DEADLINE;
    });
    let served = Served::start_patiently(settings, App::new(|exchange| answer(exchange, b"hello")));
    let has_begun = || served.metric("maitred_connections{worker=\"0\",state=\"reading\"}") == 1.0;
    drip(served.connect(), &served.clock, DEADLINE, has_begun, || served.running.tick());
}

#[test]
fn a_head_that_drips_to_the_admin_listener_is_answered_408_by_the_sweep_after_five_seconds() {
    let settings = settings()
        .with(|settings| settings.network.admin_listen = settings.network.listen.first().cloned());
    let clock = Arc::new(Clock::standing());
    let admin = Admin::bind(&settings).expect("a free port").expect("it is set");
    let Some(&ListenAddress::Tcp(address)) = admin.addresses().next() else {
        panic!("not a TCP address")
    };
    let telemetry = Arc::new(Telemetry::new(&settings));
    let admin = admin.with_clock(clock.clone()).start(telemetry).expect("a thread can be started");
    let has_begun = || admin.requests_in_progress() == 1;
    drip(Client::connect(address), &clock, ADMIN_DEADLINE, has_begun, || admin.tick());
}
