//! Tests of binding addresses, and of the errors.

mod support;

use std::net::TcpListener;

use maitred_config::{Endpoint, HostName, Port, Settings};
use maitred_server::{ListenAddress, Listeners};
use support::settings;

fn listen(endpoint: Endpoint) -> Result<Listeners, String> {
    let settings = settings().with(|settings| settings.network.listen = vec![endpoint]);
    let mut listeners = Listeners::bind(&settings).map_err(|error| error.to_string())?;
    listeners.listen(&settings).map_err(|error| error.to_string())?;
    Ok(listeners)
}

fn bind(endpoint: Endpoint) -> Result<(Listeners, Settings), String> {
    let settings = settings().with(|settings| settings.network.listen = vec![endpoint]);
    let listeners = Listeners::bind(&settings).map_err(|error| error.to_string())?;
    Ok((listeners, settings))
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
fn a_bound_address_refuses_clients_until_it_is_listened_on() {
    let (mut listeners, settings) = bind(loopback(Port::Number(0))).expect("a free port");
    let port = port_of(&listeners);
    let refused = std::net::TcpStream::connect(("127.0.0.1", port)).expect_err("nobody listens");
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    listeners.listen(&settings).expect("it is ours");
    std::net::TcpStream::connect(("127.0.0.1", port)).expect("somebody listens");
}

#[cfg(target_os = "linux")]
#[test]
fn an_address_that_another_server_has_taken_since_it_was_bound_is_told_when_it_is_listened_on() {
    let (mut late, settings) = bind(loopback(Port::Number(0))).expect("a free port");
    let port = port_of(&late);
    let early = listen(loopback(Port::Number(port))).expect("nobody listens there yet");
    let refused = late.listen(&settings).expect_err("the address is in use").to_string();
    assert_eq!(refused, format!("cannot listen on 127.0.0.1:{port}: address already in use"));
    drop(early);
    late.listen(&settings).expect("it is free again");
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

#[cfg(unix)]
#[test]
fn a_unix_socket_that_is_bound_and_not_yet_listening_is_not_taken_for_a_stale_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let endpoint = || Endpoint::Unix { path: folder.path().join("web.sock"), mode: 0o600 };
    let (mut first, settings) = bind(endpoint()).expect("a Unix socket");
    let refused = bind(endpoint()).map(drop).expect_err("the first one has it");
    assert!(refused.ends_with("web.sock: another server listens there"), "{refused}");
    first.listen(&settings).expect("the first one has it");
    std::os::unix::net::UnixStream::connect(folder.path().join("web.sock")).expect("it listens");
    drop(first);
    let left: Vec<_> = folder.path().read_dir().expect("a folder").collect();
    assert!(left.is_empty(), "{left:?}");
    bind(endpoint()).expect("it is free again");
}

#[cfg(unix)]
#[test]
fn a_unix_socket_and_a_lock_that_a_killed_server_left_behind_are_taken_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("web.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).expect("a socket"));
    std::fs::write(folder.path().join("web.sock.lock"), "").expect("a file");
    listen(Endpoint::Unix { path, mode: 0o600 }).expect("nobody has it");
}

#[cfg(target_os = "linux")]
#[test]
fn an_address_of_a_name_that_this_machine_does_not_have_is_left_out() {
    // Of a name, one address is enough; an address that was written as such is not left out.
    let absent = HostName::Name("203.0.113.1".into());
    let refused = listen(Endpoint::Tcp { host: absent, port: Port::Number(0) }).map(drop);
    let refused = refused.expect_err("TEST-NET-3 is nobody's");
    assert!(refused.starts_with("cannot listen on 203.0.113.1:0: "), "{refused}");
}
