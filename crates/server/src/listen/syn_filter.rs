//! Prevents new connections to a listening socket before it is closed.
//!
//! The kernel resets a connection that is established between the last accept and the close. So the
//! server first drops connection requests (SYN), as if they had been lost: the client repeats its
//! request a second later, and is then refused, or served by a successor at the same address.
//!
//! A packet filter on the socket drops them. It applies to everyone who has the socket, so it is used
//! only where nobody else can have it: not for an inherited socket, and not if the process, or a
//! worker of it, has children, which may serve from it. There, and on other systems than Linux, a connection can still
//! be reset in the moment between the last accept and the close.

use socket2::{SockFilter, Socket};

use super::{ListenAddress, Listener, Listeners, Sharing};
use crate::system::child_processes;

/// A program for the kernel's packet filter, which sees a segment from its TCP header on: it drops
/// those with the flag SYN, in byte 13 (RFC 9293 §3.1), and keeps the others.
const DROP_SYN: [SockFilter; 4] = [
    SockFilter::new(LOAD_BYTE, 0, 0, 13),
    SockFilter::new(JUMP_IF_SET, 0, 1, 0x02),
    SockFilter::new(RETURN, 0, 0, 0),
    SockFilter::new(RETURN, 0, 0, u32::MAX),
];

/// `BPF_LD | BPF_B | BPF_ABS`
const LOAD_BYTE: u16 = 0x30;
/// `BPF_JMP | BPF_JSET | BPF_K`
const JUMP_IF_SET: u16 = 0x45;
/// `BPF_RET | BPF_K`
const RETURN: u16 = 0x06;

impl Listeners {
    /// Drops connection requests from now on, where that is possible. Returns whether it is, for any
    /// listener: handshakes in progress then still have to complete.
    pub(crate) fn drop_newcomers(&self, sharing: Sharing) -> bool {
        let ours: Vec<_> = self.entries.iter().filter_map(Listener::unshared).collect();
        let is_shared = sharing == Sharing::PerhapsChildren && child_processes::exist();
        if ours.is_empty() || is_shared {
            return false;
        }
        // A kernel that cannot, as in some sandboxes, leaves nothing better to do.
        ours.iter().filter(|socket| socket.attach_filter(&DROP_SYN).is_ok()).count() > 0
    }
}

impl Listener {
    /// The TCP socket, if this process has bound it.
    fn unshared(&self) -> Option<&Socket> {
        let is_ours = self.bound_by == Some(std::process::id());
        match self.address {
            ListenAddress::Tcp(_) if is_ours => Some(&self.socket),
            ListenAddress::Tcp(_) | ListenAddress::Unix(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Write as _};
    use std::net::{SocketAddr, TcpListener, TcpStream};
    use std::time::Duration;

    use maitred_config::{Endpoint, HostName, Port, Settings};

    use super::*;
    use crate::listen::bind;
    use crate::system::own_process;

    fn address(listeners: &Listeners) -> SocketAddr {
        match listeners.addresses().next() {
            Some(ListenAddress::Tcp(address)) => *address,
            other => panic!("not a TCP address: {other:?}"),
        }
    }

    /// Long for a connection over loopback, and short for a request that is repeated.
    const SOON: Duration = Duration::from_millis(200);

    #[test]
    fn newcomers_are_not_heard_and_whoever_has_connected_is_still_accepted() {
        if !own_process::is_own() {
            return;
        }
        let host = HostName::Name("127.0.0.1".into());
        let listen = vec![Endpoint::Tcp { host, port: Port::Number(0) }];
        let settings = Settings::default().with(|settings| settings.network.listen = listen);
        let mut listeners = Listeners::bind(&settings).unwrap();
        listeners.listen(&settings).unwrap();
        let mut early = TcpStream::connect(address(&listeners)).unwrap();
        let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        assert!(
            !listeners.drop_newcomers(Sharing::PerhapsChildren),
            "the child may serve from the socket"
        );
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(listeners.drop_newcomers(Sharing::PerhapsChildren));
        let late = TcpStream::connect_timeout(&address(&listeners), SOON).unwrap_err();
        assert_eq!(late.kind(), ErrorKind::TimedOut);
        let (accepted, _) = listeners.entries[0].socket.accept().unwrap();
        early.write_all(b"x").unwrap();
        accepted.set_nonblocking(false).unwrap();
        assert_eq!(std::io::Read::read(&mut &accepted, &mut [0; 9]).unwrap(), 1);
    }

    #[test]
    fn a_socket_that_somebody_else_may_have_still_hears_newcomers() {
        let theirs = TcpListener::bind("127.0.0.1:0").unwrap();
        let given = theirs.try_clone().unwrap().into();
        let entries = vec![bind::adopt(given).unwrap()];
        let listeners = Listeners { entries };
        assert!(!listeners.drop_newcomers(Sharing::PerhapsChildren));
        drop(listeners);
        TcpStream::connect(theirs.local_addr().unwrap()).unwrap();
    }
}
