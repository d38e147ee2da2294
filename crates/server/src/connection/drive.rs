//! The I/O task of one connection: reads input, passes complete requests to the queue, sends the
//! output that a worker could not, and closes the connection as the protocol requires.
//!
//! Each step decides under the lock what is due, and does it without. The task holds no buffer: all
//! tasks run on one thread and read into one shared buffer, and only incomplete input is kept. A body
//! of known length is received directly into its own memory.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use maitred_http_parser::connection::{Ending, Phase};

use super::conn::{ClientConnection, State};
use super::ending::Discard;
use super::flush::Flushed;
use super::submit::{Arriving, IncomingRequest, feed, spill};
use crate::telemetry::CloseReason;
use crate::transport::receive;
use crate::transport::stream::Stream;

/// The size of the receive buffer that all connections of the I/O thread share: room for several
/// large heads, or a large part of a body.
const SCRATCH_BYTES: usize = 32 * 1024;

/// The pieces of input that are taken from one connection before the others have their turn: so many
/// receive buffers, which may hold thousands of tiny chunks.
const PIECES_AT_ONCE_MAX: usize = 2;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; SCRATCH_BYTES]);
}

/// Work that the task must await.
enum Step {
    /// Write body bytes to disk.
    Spill,
    /// The connection is over.
    Over(CloseReason),
    /// Another process has it.
    Moved,
}

/// What has become of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Driven {
    /// It was closed.
    Closed(CloseReason),
    /// Another process has it.
    Moved,
}

/// What is due on a connection.
enum Due {
    Over(CloseReason),
    Moved,
    /// Output waits, which nobody is writing.
    Output,
    /// All output has been sent, and the protocol says that this is the end.
    End(Ending),
    Input(Input),
}

/// What the connection expects.
enum Input {
    /// Nothing: the client has ended its side, or has sent enough for now.
    None,
    /// Input that arrived while the last request was being answered.
    Pipelined,
    /// So many bytes of a body.
    Body(NonZeroU64),
    Any,
}

/// Serves a connection, on which a request may be arriving, until it ends or another process has it.
pub(crate) async fn drive(conn: Arc<ClientConnection>, mut incoming: Arriving) -> Driven {
    let stream = conn.state().stream.clone();
    let Some(stream) = stream else { return Driven::Moved };
    let why = loop {
        match poll_fn(|cx| step(&conn, &stream, &mut incoming, cx)).await {
            Step::Spill => spill(&conn, &mut incoming).await,
            Step::Over(why) => break why,
            Step::Moved => return Driven::Moved,
        }
    };
    conn.conclude(why);
    Driven::Closed(why)
}

/// Does all available work. Pending until there is more, or until something must be awaited.
fn step(
    conn: &Arc<ClientConnection>,
    stream: &Stream,
    incoming: &mut Arriving,
    cx: &mut Context<'_>,
) -> Poll<Step> {
    let mut pieces = 0;
    loop {
        if pieces == PIECES_AT_ONCE_MAX {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let arriving_bytes = incoming.as_ref().map_or(0, |request| request.bytes_in_memory());
        let due = {
            let mut state = conn.state();
            state.set_waker(cx.waker());
            if state.request.body_arriving(arriving_bytes) {
                state.settle_input();
            }
            state.due()
        };
        let input = match due {
            Due::Over(why) => return Poll::Ready(Step::Over(why)),
            Due::Moved => return Poll::Ready(Step::Moved),
            Due::Output => match stream.poll_write_ready(cx) {
                Poll::Ready(Ok(())) => match conn.write_out() {
                    Flushed::Done => continue,
                    Flushed::Paused => {
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                },
                Poll::Ready(Err(_)) => return Poll::Ready(Step::Over(CloseReason::Client)),
                Poll::Pending => conn.state().input_before_output(),
            },
            Due::End(ending) => match end(conn, stream, ending) {
                Some(why) => return Poll::Ready(Step::Over(why)),
                None => conn.state().input(),
            },
            Due::Input(input) => input,
        };
        // Asked once for each piece: other connections may use the memory up at any time. Not after a
        // body has arrived, for the same reason.
        let room = incoming.as_ref().and_then(|request| request.room());
        if incoming.is_some() && room.is_none() {
            return Poll::Ready(Step::Spill);
        }
        pieces += 1;
        if let Err(error) = ready!(take(conn, stream, incoming, room, input, cx)) {
            conn.shared.telemetry.socket_error(&conn.peer, &error);
            return Poll::Ready(Step::Over(CloseReason::Client));
        }
    }
}

impl State {
    /// What is due now.
    fn due(&mut self) -> Due {
        if let Some(why) = self.ending.over() {
            Due::Over(why)
        } else if self.ending.is_moved() {
            Due::Moved
        } else if self.spilling {
            Due::Input(self.input_before_output())
        } else if self.writing {
            Due::Input(self.input())
        } else if !self.outbox.is_empty() {
            Due::Output
        } else if let Some(ending) = self.protocol.ending() {
            Due::End(ending)
        } else {
            Due::Input(self.input())
        }
    }

    fn input(&mut self) -> Input {
        if self.protocol.has_pipelined() {
            return Input::Pipelined;
        }
        if self.ending.has_input_ended() || !self.wants_read() {
            return Input::None;
        }
        self.protocol.body_remaining().and_then(NonZeroU64::new).map_or(Input::Any, Input::Body)
    }

    /// Whether the socket should be read: not while there is no memory for what the client sends beyond
    /// a request that is being answered.
    pub(super) fn wants_read(&self) -> bool {
        let is_full = self.held.input() > 0
            && self.protocol.phase() == Phase::Answering
            && self.is_short_of_memory(self.protocol.held_bytes() as u64);
        !is_full && self.protocol.wants_read()
    }

    /// The same while the socket accepts no output. The next request waits until the client has read
    /// the last response. Otherwise, a client that never reads could fill the memory with responses.
    fn input_before_output(&mut self) -> Input {
        let is_between = matches!(self.protocol.phase(), Phase::Idle | Phase::Reading);
        let is_left = self.spilling || !self.outbox.is_empty();
        if is_between && is_left { Input::None } else { self.input() }
    }
}

/// Ends the connection after all output has been written. `None` while it lingers.
fn end(conn: &ClientConnection, stream: &Stream, ending: Ending) -> Option<CloseReason> {
    if ending == Ending::Reset {
        return Some(CloseReason::Error);
    }
    // Unread input would turn the close into a reset, which may destroy the response. The reactor may
    // not know yet what the kernel has, so that is asked itself.
    let lingers = ending == Ending::Linger || stream.has_bytes();
    {
        let state = conn.state();
        if state.ending.has_input_ended() || !lingers {
            return Some(state.ending.reason());
        }
        if state.ending.is_lingering() {
            return None;
        }
    }
    stream.close_write();
    let mut state = conn.state();
    state.protocol.end(Ending::Linger);
    state.protocol.lingers(conn.shared.clock.instant());
    state.ending.linger();
    None
}

/// Takes one piece of input. `room` is that of an arriving body.
fn take(
    conn: &Arc<ClientConnection>,
    stream: &Stream,
    incoming: &mut Arriving,
    room: Option<NonZeroUsize>,
    input: Input,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    match input {
        Input::None => Poll::Pending,
        Input::Pipelined => {
            feed(conn, incoming, &[]);
            let mut state = conn.state();
            if state.ending.has_input_ended() {
                conn.input_ended(&mut state);
            }
            Poll::Ready(Ok(()))
        }
        Input::Body(remaining) => {
            let (Some(request), Some(room)) = (incoming.as_mut(), room) else {
                return read(conn, stream, incoming, cx);
            };
            let most = NonZeroUsize::try_from(remaining).unwrap_or(NonZeroUsize::MAX).min(room);
            let received = ready!(receive_body(stream, request, most, cx))?;
            body_received(conn, incoming, received, remaining);
            Poll::Ready(Ok(()))
        }
        Input::Any => read(conn, stream, incoming, cx),
    }
}

/// Receives bytes of a body directly into its memory.
fn receive_body(
    stream: &Stream,
    request: &mut IncomingRequest,
    most: NonZeroUsize,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    let count = ready!(receive::poll_append(stream, cx, &mut request.body.memory, most))?;
    request.body.appended(count);
    Poll::Ready(Ok(count))
}

fn body_received(
    conn: &Arc<ClientConnection>,
    incoming: &mut Arriving,
    count: usize,
    remaining: NonZeroU64,
) {
    {
        let mut state = conn.state();
        if count == 0 {
            conn.input_ended(&mut state);
            return;
        }
        let now = conn.shared.clock.instant();
        state.protocol.body_received(count as u64, now);
    }
    if count as u64 == remaining.get() {
        feed(conn, incoming, &[]);
    }
}

/// Reads the socket once.
fn read(
    conn: &Arc<ClientConnection>,
    stream: &Stream,
    incoming: &mut Arriving,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    SCRATCH.with_borrow_mut(|scratch| {
        let count = ready!(stream.poll_read(cx, scratch))?;
        if count == 0 {
            conn.input_ended(&mut conn.state());
            return Poll::Ready(Ok(()));
        }
        feed(conn, incoming, &scratch[..count]);
        Poll::Ready(Ok(()))
    })
}

impl ClientConnection {
    /// Counts further bytes of a client that is not answered any more.
    pub(super) fn input_ignored(&self, state: &mut State, count: u64) {
        if state.ending.discard(count) == Discard::TooMuch {
            self.end(state, CloseReason::Protocol);
        }
    }
}

#[cfg(test)]
#[path = "tests/drive.rs"]
mod tests;
