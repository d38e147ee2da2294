//! The I/O task of one connection: reads input, passes complete requests to the queue, sends the
//! output that a worker could not, and closes the connection as the protocol requires.
//!
//! It holds no buffer: all tasks run on one thread and read into one shared buffer, and only
//! incomplete input is kept. A body of known length is received directly into its own memory.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::sync::{Arc, MutexGuard};
use std::task::{Context, Poll, ready};

use maitred_http_parser::connection::{Ending, Phase};

use super::conn::{ClientConnection, State};
use super::flush::Progress;
use super::submit::{IncomingRequest, feed, spill};
use crate::telemetry::record::RequestOutcome;
use crate::telemetry::{CloseReason, DisconnectStage};
use crate::transport::receive;

/// The size of the receive buffer that all connections of the I/O thread share: room for several
/// large heads, or a large part of a body.
const SCRATCH_BYTES: usize = 32 * 1024;

/// The maximum number of bytes to discard from a rejected client before its connection is closed.
const LINGER_BYTES_MAX: u64 = 16 * 1024 * 1024;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; SCRATCH_BYTES]);
}

/// Work that the task must await.
enum Step {
    /// Write body bytes to disk.
    Spill,
    /// The connection is over.
    Over(CloseReason),
}

/// Serves a connection until it ends.
pub(crate) async fn drive(conn: Arc<ClientConnection>) -> CloseReason {
    let mut incoming: Option<Box<IncomingRequest>> = None;
    let reason = loop {
        match poll_fn(|cx| step(&conn, &mut incoming, cx)).await {
            Step::Spill => spill(&conn, &mut incoming).await,
            Step::Over(reason) => break reason,
        }
    };
    conclude(&conn, reason);
    reason
}

/// The connection has ended: wakes waiting threads, and writes the record.
fn conclude(conn: &ClientConnection, reason: CloseReason) {
    let mut state = conn.state();
    conn.leave(&mut state, reason);
    if let Some(record) = &mut state.record
        && record.taken_at.is_none()
    {
        let stage = record.stage();
        record.result.get_or_insert(RequestOutcome::Abandoned(stage));
    }
    // A thread that is writing will notice the end. A running worker notices it when it answers, and
    // then ends the record itself.
    let ended = if state.is_writing() { None } else { state.take_answered() };
    // A running application keeps the connection object alive, but not its output.
    let unsent = state.outbox.take();
    drop(state);
    drop(unsent);
    conn.close();
    conn.report(ended, conn.shared.clock.instant());
}

/// Does all available work. Pending until there is more, or until something must be awaited.
fn step(
    conn: &Arc<ClientConnection>,
    incoming: &mut Option<Box<IncomingRequest>>,
    cx: &mut Context<'_>,
) -> Poll<Step> {
    loop {
        let mut state = conn.state();
        if let Some(reason) = state.over {
            return Poll::Ready(Step::Over(reason));
        }
        state.set_waker(cx.waker());
        state.incoming_bytes =
            incoming.as_ref().map_or(0, |request| request.body.memory.len() as u64);
        if !state.outbox.is_empty() && !state.is_writing() {
            drop(state);
            match conn.stream.poll_write_ready(cx) {
                Poll::Ready(Ok(())) => {
                    if conn.write_out() == Progress::Paused {
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    continue;
                }
                Poll::Ready(Err(_)) => return Poll::Ready(Step::Over(CloseReason::Client)),
                Poll::Pending => {
                    state = conn.state();
                    let is_between = matches!(state.protocol.phase(), Phase::Idle | Phase::Reading);
                    if is_between && !state.outbox.is_empty() {
                        // The next request waits until the client has read the last response.
                        // Otherwise, a client that never reads could fill the memory with responses.
                        return Poll::Pending;
                    }
                }
            }
        } else if let Some(ending) = state.protocol.ending()
            && !state.is_writing()
            && let Some(reason) = end(conn, &mut state, ending, cx)
        {
            return Poll::Ready(Step::Over(reason));
        }
        if state.protocol.has_pipelined() {
            drop(state);
            feed(conn, incoming, &[]);
            let mut state = conn.state();
            if state.input_ended {
                ended(conn, &mut state);
            }
        } else if state.input_ended || !state.protocol.wants_read() {
            return Poll::Pending;
        } else {
            match read(conn, state, incoming, cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => {
                    conn.shared.telemetry.socket_error(&conn.peer, &error);
                    return Poll::Ready(Step::Over(CloseReason::Client));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
        if incoming.as_ref().is_some_and(|request| request.is_complete || request.body.must_spill())
        {
            return Poll::Ready(Step::Spill);
        }
    }
}

/// Ends the connection after all output has been written. `None` while it lingers.
fn end(
    conn: &ClientConnection,
    state: &mut State,
    ending: Ending,
    cx: &mut Context<'_>,
) -> Option<CloseReason> {
    if ending == Ending::Reset {
        conn.reset_on_close();
        return Some(CloseReason::Error);
    }
    // Unread input would turn the close into a reset, which may destroy the response.
    let lingers = ending == Ending::Linger || conn.stream.has_unread(cx);
    if state.input_ended || !lingers {
        return Some(state.ends_as);
    }
    if state.lingering.is_none() {
        conn.stream.close_write();
        state.protocol.end(Ending::Linger);
        state.protocol.lingers(conn.shared.clock.instant());
        state.lingering = Some(0);
    }
    None
}

/// Reads the socket once.
fn read(
    conn: &Arc<ClientConnection>,
    state: MutexGuard<'_, State>,
    incoming: &mut Option<Box<IncomingRequest>>,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    let remaining = state.protocol.body_remaining();
    let lingers = state.lingering.is_some();
    if let (Some(remaining @ 1..), Some(request)) = (remaining, incoming.as_mut()) {
        drop(state);
        let most = usize::try_from(remaining).unwrap_or(usize::MAX).min(request.body.room());
        let memory = &mut request.body.memory;
        let count = ready!(receive::poll_append(&conn.stream, cx, memory, most))?;
        if count == 0 {
            ended(conn, &mut conn.state());
            return Poll::Ready(Ok(()));
        }
        request.body.appended(count);
        let now = conn.shared.clock.instant();
        conn.state().protocol.body_received(count as u64, now);
        if count as u64 == remaining {
            feed(conn, incoming, &[]);
        }
        return Poll::Ready(Ok(()));
    }
    drop(state);
    SCRATCH.with_borrow_mut(|scratch| {
        let count = ready!(conn.stream.poll_read(cx, scratch))?;
        if count == 0 {
            ended(conn, &mut conn.state());
            return Poll::Ready(Ok(()));
        }
        feed(conn, incoming, &scratch[..count]);
        if lingers {
            dropped(conn, count as u64);
        }
        Poll::Ready(Ok(()))
    })
}

/// Counts further bytes of a client that is not answered any more.
fn dropped(conn: &ClientConnection, count: u64) {
    let mut state = conn.state();
    if let Some(dropped) = &mut state.lingering {
        *dropped += count;
        if *dropped > LINGER_BYTES_MAX {
            conn.leave(&mut state, CloseReason::Protocol);
        }
    }
}

/// The client will send nothing more.
fn ended(conn: &ClientConnection, state: &mut State) {
    state.input_ended = true;
    if state.protocol.has_pipelined() {
        return; // earlier input comes first
    }
    let now = conn.shared.clock.now();
    conn.presence.half_closed(now.instant);
    if state.protocol.phase() == Phase::Idle {
        state.ends_as = CloseReason::Client;
    }
    let State { protocol, outbox, .. } = &mut *state;
    if let Some(rejection) = outbox.append(|out| protocol.handle_eof(out, &now)) {
        let result = RequestOutcome::Abandoned(DisconnectStage::Reading);
        conn.refused(state, rejection, result, now.instant);
    }
}
