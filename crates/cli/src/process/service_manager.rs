//! Notifies the service manager that the server is ready, and that it is stopping: systemd's
//! `Type=notify`.
//!
//! systemd names a datagram socket in `NOTIFY_SOCKET` (sd_notify(3)), and waits for `READY=1` before
//! it starts units that are ordered after this one. Without that variable, nothing is sent. If a
//! message cannot be sent, a warning is logged.

use std::ffi::{OsStr, OsString};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether `READY=1` was sent. Only then `STOPPING=1` is sent: a server embedded in another program
/// does not speak for the service.
static READY: AtomicBool = AtomicBool::new(false);

/// Tells that the application is imported and requests are accepted; `status` is for people.
pub(crate) fn ready(status: &str) {
    READY.store(true, Ordering::Relaxed);
    tell("READY=1", status);
}

/// Reports that a reload has begun, which [`reloaded`] ends (`Type=notify-reload`).
#[cfg(unix)]
pub(crate) fn reloading() {
    if READY.load(Ordering::Relaxed) {
        let now = maitred_server::board::monotonic_ns() / 1000;
        tell(&format!("RELOADING=1\nMONOTONIC_USEC={now}"), "reloading");
    }
}

/// Tells how a reload has ended: the server is ready, as it was before. Of one that is not ready yet,
/// or stops, that would be wrong.
#[cfg(unix)]
pub(crate) fn reloaded(status: &str) {
    if READY.load(Ordering::Relaxed) {
        tell("READY=1", status);
    }
}

/// Tells, once, that the server has begun to stop.
pub(crate) fn stopping() {
    if READY.swap(false, Ordering::Relaxed) {
        tell("STOPPING=1", "draining: finishing requests in progress");
    }
}

fn tell(state: &str, status: &str) {
    let Some(address) = address(std::env::var_os("NOTIFY_SOCKET")) else { return };
    if let Err(error) = send(&address, &format!("{state}\nSTATUS={status}\n")) {
        tracing::warn!("cannot send {state} to the service manager: {error}");
    }
}

/// The value of the variable, if it is not empty.
fn address(variable: Option<OsString>) -> Option<OsString> {
    variable.filter(|address| !address.is_empty())
}

/// Sends one datagram to a path, or to an abstract name, which begins with `@`.
#[cfg(target_os = "linux")]
fn send(address: &OsStr, message: &str) -> io::Result<()> {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::net::{SocketAddr, UnixDatagram};

    let address = match address.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(address)?,
    };
    let socket = UnixDatagram::unbound()?;
    // A manager that does not read must not block the server.
    socket.set_nonblocking(true)?;
    socket.send_to_addr(message.as_bytes(), &address)?;
    Ok(())
}

/// Only Linux has systemd; elsewhere, the variable is not set.
#[cfg(not(target_os = "linux"))]
fn send(_address: &OsStr, _message: &str) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixDatagram};

    use super::*;

    fn received(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 256];
        let length = socket.recv(&mut buffer).expect("a datagram");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    #[test]
    fn a_message_reaches_the_path_that_the_variable_names() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).expect("a socket");
        send(path.as_os_str(), "READY=1\n").expect("sent");
        assert_eq!(received(&socket), "READY=1\n");
    }

    #[test]
    fn a_name_with_an_at_sign_is_abstract() {
        let name = format!("maitred-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).expect("a name");
        let socket = UnixDatagram::bind_addr(&address).expect("a socket");
        send(OsStr::new(&format!("@{name}")), "STOPPING=1\n").expect("sent");
        assert_eq!(received(&socket), "STOPPING=1\n");
    }

    #[test]
    fn a_manager_that_is_gone_is_an_error_and_no_wait() {
        let gone = send(OsStr::new("/nonexistent/notify"), "READY=1\n");
        assert_eq!(gone.expect_err("nobody listens").kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn an_empty_variable_names_nobody() {
        assert_eq!(address(Some(OsString::new())), None);
        assert_eq!(address(None), None);
    }
}
