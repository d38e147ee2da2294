//! Reads the inbox of this worker process: adopts connections that others hand over, and answers
//! those that ask for requests.
//!
//! A connection arrives as a descriptor. The kernel drops a descriptor for which the process has no
//! room, and with it a request that nobody else knows of any more; so one is kept in reserve, and
//! closed just before each message is received. Without it, the inbox is not read.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::Interest;
use tokio::net::UnixDatagram;

use crate::connection::conn::ClientConnection;
use crate::connection::lost_parcel::UNREADABLE;
use crate::connection::parcel::{Content, MESSAGE_BYTES_MAX, Message, Parcel};
use crate::connection::siblings::SiblingProcesses;
use crate::lifecycle::accept;
use crate::lifecycle::restart::after_panics;
use crate::lifecycle::server_state::ServerState;
use crate::scheduling::siblings::Siblings as _;
use crate::system::pass_fd::{self, Received, Wait};
use crate::telemetry::HandoffRefusal;

/// Messages that are handled before other tasks of the I/O thread have their turn.
const MESSAGES_AT_ONCE: usize = 16;

/// How often a reserve is sought that could not be had.
const RESERVE_SOUGHT_EVERY: Duration = Duration::from_millis(10);

/// The inbox of this process.
#[derive(Clone)]
pub(super) struct Inbox {
    server: Arc<ServerState>,
    siblings: Arc<SiblingProcesses>,
    /// Any Unix socket that keeps the boundaries of messages.
    socket: Arc<UnixDatagram>,
}

impl Inbox {
    /// Registers it with the reactor, if there is one. Must be called within the runtime.
    ///
    /// # Errors
    /// It cannot be registered.
    pub(super) fn register(server: &Arc<ServerState>) -> io::Result<Option<Self>> {
        let Some(siblings) = &server.shared.siblings else { return Ok(None) };
        let Some(socket) = siblings.take_inbox() else { return Ok(None) };
        let socket = std::os::unix::net::UnixDatagram::from(socket);
        socket.set_nonblocking(true)?;
        let socket = Arc::new(UnixDatagram::from_std(socket)?);
        let (server, siblings) = (Arc::clone(server), Arc::clone(siblings));
        Ok(Some(Self { server, siblings, socket }))
    }

    /// Reads it while it is polled.
    pub(super) fn read(self) -> impl Future<Output = ()> + Send {
        after_panics("reading the inbox", move || self.clone().run())
    }

    async fn run(self) {
        let Self { server, siblings, socket } = self;
        let mut reader = Reader { reserve: None, buffer: vec![0; MESSAGE_BYTES_MAX] };
        loop {
            for _ in 0..MESSAGES_AT_ONCE {
                reader.ensure_reserve(&server, &siblings, &socket).await;
                let receive = || reader.receive(&socket);
                match socket.async_io(Interest::READABLE, receive).await {
                    // Nobody can write to it any more: the supervisor is gone.
                    Ok(Some(Received { length: 0, .. })) => return std::future::pending().await,
                    Ok(Some(received)) => {
                        siblings.beat();
                        handle(&server, &siblings, &reader.buffer, received);
                    }
                    Ok(None) => {} // it waits for a reserve first
                    Err(error) => {
                        tracing::error!(target: "maitred", "cannot read the worker's inbox: {error}");
                        tokio::time::sleep(RESERVE_SOUGHT_EVERY).await;
                    }
                }
                server.queue.show_again();
            }
            tokio::task::yield_now().await;
        }
    }
}

struct Reader {
    /// A descriptor whose place the next one that arrives can take.
    reserve: Option<OwnedFd>,
    buffer: Vec<u8>,
}

impl Reader {
    /// Waits until there is a reserve.
    async fn ensure_reserve(
        &mut self,
        server: &ServerState,
        siblings: &SiblingProcesses,
        inbox: &UnixDatagram,
    ) {
        while self.reserve.is_none() {
            match inbox.as_fd().try_clone_to_owned() {
                Ok(reserve) => {
                    self.reserve = Some(reserve);
                    siblings.reopen();
                }
                Err(_) => {
                    siblings.close();
                    server.queue.show_again();
                    tokio::time::sleep(RESERVE_SOUGHT_EVERY).await;
                }
            }
        }
    }

    /// Receives a message; `None` if there is no reserve. It is called again whenever there may be one,
    /// and another thread may have taken the place of the reserve meanwhile.
    fn receive(&mut self, socket: &UnixDatagram) -> io::Result<Option<Received>> {
        let Some(reserve) = self.reserve.take() else { return Ok(None) };
        drop(reserve);
        let received = pass_fd::receive(socket.as_fd(), &mut self.buffer, Wait::Never);
        if received.is_err() {
            self.reserve = socket.as_fd().try_clone_to_owned().ok();
        }
        received.map(Some)
    }
}

/// Handles one message.
fn handle(
    server: &Arc<ServerState>,
    siblings: &Arc<SiblingProcesses>,
    buffer: &[u8],
    received: Received,
) {
    let Received { length, descriptors, is_truncated } = received;
    let message = match Message::decode(&buffer[..length]) {
        Ok(message) => message,
        Err(error) => {
            tracing::error!(target: "maitred", "{error}");
            // Only connections are sent with a descriptor, which is closed now.
            if !descriptors.is_empty() {
                siblings.place().seat().add_adopted();
                server.shared.telemetry.handoff_lost(&UNREADABLE);
            }
            return;
        }
    };
    let is_meant = siblings.is_meant(&message);
    let from = usize::from(message.from.seat);
    match (message.content, descriptors.into_iter().next()) {
        (Content::Connection(parcel), Some(socket)) => {
            if is_meant {
                siblings.received_from(from);
            }
            let listeners = server.listeners();
            let adopted =
                ClientConnection::adopted(&server.shared, siblings, &parcel, socket, listeners);
            // It is open before it has arrived, so that whoever adds up does not miss it. One that was
            // sent to a predecessor is served as well, but was counted with it.
            let entered = adopted.map(|conn| (accept::enter(&server.frontend, &conn), conn));
            if is_meant {
                siblings.place().seat().add_adopted();
            }
            go_on(server, siblings, &parcel, entered);
        }
        (Content::Connection(parcel), None) => {
            if is_meant {
                siblings.place().seat().add_adopted();
            }
            server.shared.telemetry.handoff_refused(HandoffRefusal::Truncated);
            server.shared.telemetry.handoff_lost(&parcel.lost());
            tracing::error!(
                target: "maitred",
                is_truncated,
                "a connection of another worker process is lost: no file descriptor was left"
            );
        }
        (Content::Want, _) if is_meant => answer_want(server, siblings, from),
        (Content::Nothing, _) if is_meant => siblings.refused_by(from),
        (Content::Want | Content::Nothing, _) => {}
    }
}

/// Continues a connection, unless its socket cannot be used.
fn go_on(
    server: &ServerState,
    siblings: &SiblingProcesses,
    parcel: &Parcel<'_>,
    entered: io::Result<(accept::Open, Arc<ClientConnection>)>,
) {
    match entered {
        Ok((open, conn)) => {
            server.shared.telemetry.adopted();
            let arriving = conn.replay(siblings, parcel);
            accept::serve(conn, arriving, open);
        }
        Err(error) => {
            server.shared.telemetry.handoff_lost(&parcel.lost());
            tracing::error!(target: "maitred", "cannot continue a connection: {error}");
        }
    }
}

/// Another process has a thread without work.
fn answer_want(server: &ServerState, siblings: &SiblingProcesses, asker: usize) {
    let mut is_asked = true;
    let moved = server.queue.hand_over_waiting(&mut |_, _| {
        if std::mem::take(&mut is_asked) { siblings.on_want(asker) } else { None }
    });
    if moved == 0 {
        siblings.answer_nothing(asker);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_stays_in_the_inbox_until_there_is_a_reserve() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        let _inside = runtime.enter();
        let (inbox, theirs) = std::os::unix::net::UnixDatagram::pair().unwrap();
        inbox.set_nonblocking(true).unwrap();
        let inbox = UnixDatagram::from_std(inbox).unwrap();
        let reserve = || Some(inbox.as_fd().try_clone_to_owned().unwrap());
        let mut reader = Reader { reserve: None, buffer: vec![0; 8] };
        theirs.send(b"hello").unwrap();
        assert!(reader.receive(&inbox).unwrap().is_none());
        reader.reserve = reserve();
        assert_eq!(reader.receive(&inbox).unwrap().unwrap().length, 5);
        // An empty inbox leaves the reserve where it was.
        reader.reserve = reserve();
        assert_eq!(reader.receive(&inbox).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        assert!(reader.reserve.is_some());
    }
}
