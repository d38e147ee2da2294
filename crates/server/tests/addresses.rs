//! Tests of binding addresses, and of the errors.

mod support;

use std::net::TcpListener;

use maitred_config::{Endpoint, HostName, Port};
use maitred_server::{ListenAddress, Listeners};
use support::settings;

fn listen(endpoint: Endpoint) -> Result<Listeners, String> {
    let settings = settings().with(|settings| settings.network.listen = vec![endpoint]);
    Listeners::bind(&settings).map_err(|error| error.to_string())
}

fn loopback(port: Port) -> Endpoint {
    Endpoint::Tcp { host: HostName::Name("127.0.0.1".into()), port }
}

fn port_of(listeners: &Listeners) -> u16 {
    match listeners.addresses().next() {
        Some(ListenAddress::Tcp(address)) => address.port(),
        other => panic!("not a TCP address: {other:?}"),
    }
}

#[test]
fn two_servers_never_share_a_port() {
    let first = listen(loopback(Port::Number(0))).expect("a free port");
    let port = port_of(&first);
    let refused = listen(loopback(Port::Number(port))).expect_err("the port is in use");
    assert!(refused.starts_with(&format!("cannot listen on 127.0.0.1:{port}: ")), "{refused}");
    drop(first);
    listen(loopback(Port::Number(port))).expect("it is free again");
}

#[test]
fn a_program_that_asks_to_share_our_port_does_not_get_it() {
    use socket2::{Domain, Socket, Type};
    let ours = listen(loopback(Port::Number(0))).expect("a free port");
    let thief = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    thief.set_reuse_address(true).expect("an option");
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], port_of(&ours)));
    let taken = thief.bind(&address.into()).and_then(|()| thief.listen(1));
    assert!(taken.is_err(), "the port was shared");
}

#[test]
fn a_port_whose_connections_have_just_been_closed_can_be_had_again() {
    use std::io::Read as _;
    let first = listen(loopback(Port::Number(0))).expect("a free port");
    let port = port_of(&first);
    let mut client = std::net::TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    let listener: TcpListener =
        first.sockets().next().unwrap().try_clone().expect("a duplicate").into();
    listener.set_nonblocking(false).expect("an option");
    // We close first, so that it is our end that stays in TIME-WAIT.
    let (accepted, _) = listener.accept().expect("a connection");
    drop((accepted, listener, first));
    assert_eq!(client.read(&mut [0]).expect("the end"), 0);
    drop(client);
    listen(loopback(Port::Number(port))).expect("it is free again");
}

#[test]
fn a_service_that_nobody_knows_is_named() {
    let refused = listen(loopback(Port::Service("no-such-service".into()))).expect_err("no port");
    assert_eq!(
        refused,
        "cannot listen on 127.0.0.1:no-such-service: the service `no-such-service` is not known \
         here"
    );
}

#[test]
fn a_bound_socket_of_this_process_is_taken_over_by_its_number() {
    let bound = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = bound.local_addr().expect("an address");
    #[cfg(unix)]
    let number = std::os::fd::AsRawFd::as_raw_fd(&bound);
    #[cfg(windows)]
    let number = i32::try_from(std::os::windows::io::AsRawSocket::as_raw_socket(&bound))
        .expect("handles are small numbers");
    let taken = listen(Endpoint::Descriptor(number)).expect("it is taken over");
    assert_eq!(taken.addresses().next(), Some(&ListenAddress::Tcp(address)));
}

#[test]
fn a_number_that_is_no_socket_is_refused() {
    let refused = listen(Endpoint::Descriptor(9999)).map(drop).expect_err("nothing is open there");
    assert!(refused.starts_with("cannot listen on fd://9999: no such "), "{refused}");
}

#[cfg(windows)]
#[test]
fn a_unix_socket_is_refused_with_the_reason() {
    let refused = listen(Endpoint::Unix { path: "web.sock".into(), mode: 0o600 }).map(drop);
    assert_eq!(
        refused.expect_err("there are none"),
        "cannot listen on unix:web.sock: Unix sockets are not available on Windows"
    );
}

#[cfg(unix)]
#[test]
fn a_unix_socket_has_its_mode_before_anybody_can_connect_and_its_file_goes_with_the_server() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("web.sock");
    let listeners =
        listen(Endpoint::Unix { path: path.clone(), mode: 0o640 }).expect("a Unix socket");
    let mode = path.metadata().expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    drop(listeners);
    assert!(!path.exists());
}
