//! What the supervisor and a worker say to each other, over the worker's control socket.
//!
//! A message is a length of four bytes and JSON of at most `MESSAGE_MAX` bytes. Descriptors that
//! belong to a message are sent with it, and taken by the receiver in the same order. Decoding is
//! pure, and total: whatever the other process writes is a message or an error.

use serde::{Deserialize, Serialize};

/// The most bytes of a message. The longest has a few hundred.
const MESSAGE_MAX: usize = 64 * 1024;

/// Bytes of the length before it.
const LENGTH: usize = 4;

/// What the supervisor tells a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToWorker {
    /// The first message. With it come the board, the pad for stacks, and the lock of outputs.
    Welcome {
        /// The version of the supervisor, which must be that of the worker.
        version: String,
        /// The index of the worker's seat.
        seat: usize,
        /// Its number.
        number: usize,
        /// How many processes were started before it.
        generation: u64,
    },
    /// The answer to [`ToSupervisor::Imported`]. With it come the listening sockets.
    Listen {
        /// How many.
        sockets: usize,
    },
    /// The end of the worker's own inbox that it reads comes with it.
    OwnInbox,
    /// The end of the inbox of a seat that others write to comes with it.
    Inbox {
        /// The seat.
        seat: usize,
    },
    /// The server will stop: from now on, responses say `Connection: close`.
    AnnounceDrain,
    /// Accept what has connected, close the listeners, finish what runs.
    CloseListeners,
    /// Everybody has finished: end.
    End,
    /// Others serve: hand over or finish everything, and end.
    Retire,
    /// It hangs and will be killed: hand over what can move, and answer the rest.
    Evacuate,
    /// Show on the board what you do now: somebody looks.
    Publish,
    /// Open the log files again.
    ReopenLogs,
}

/// What a worker tells the supervisor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToSupervisor {
    /// It has imported the application and waits for the listeners.
    Imported,
    /// It serves.
    Ready,
    /// It cannot start. It has printed why, and ends.
    CannotStart,
    /// It announces the drain from now on.
    DrainAnnounced {
        /// Whether the application has started processes, which may have the listeners, too.
        has_children: bool,
    },
    /// A process from outside has asked it to end.
    AskedToEnd,
    /// It has nothing left that it could hand over or answer.
    Evacuated,
}

/// What the supervisor tells a mold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToMold {
    /// Fork a worker. Its end of its control socket comes with it.
    Fork {
        /// How many processes were started before it.
        serial: u64,
        /// Its number.
        number: usize,
    },
}

/// What a mold tells the supervisor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromMold {
    /// It has imported the application, and can fork workers.
    Imported,
    /// It cannot import the application. It has printed why, and ends.
    CannotStart,
    /// A worker was forked.
    Forked {
        /// The worker.
        serial: u64,
        /// Its process.
        pid: u32,
    },
    /// A worker could not be forked.
    ForkFailed {
        /// The worker.
        serial: u64,
        /// Why.
        error: String,
    },
}

/// What is wrong with the bytes of another process.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The length is larger than any message.
    #[error("a message of {0} bytes")]
    TooLong(usize),
    /// It is no message of this version.
    #[error("no message of this version: {0}")]
    Unknown(String),
}

/// The bytes of a message.
///
/// # Panics
/// Never: every message can be written as JSON.
pub fn encode(message: &impl Serialize) -> Vec<u8> {
    let mut bytes = vec![0; LENGTH];
    serde_json::to_writer(&mut bytes, message).expect("a message is JSON");
    let length = u32::try_from(bytes.len() - LENGTH).unwrap_or(u32::MAX);
    bytes[..LENGTH].copy_from_slice(&length.to_le_bytes());
    bytes
}

/// Takes the first message from bytes that have arrived; `None` if it is not complete.
///
/// # Errors
/// The bytes are no message; nothing after them can be one.
pub fn decode<M: for<'a> Deserialize<'a>>(bytes: &mut Vec<u8>) -> Result<Option<M>, DecodeError> {
    let Some(length) = bytes.first_chunk::<LENGTH>() else { return Ok(None) };
    let length = u32::from_le_bytes(*length) as usize;
    if length > MESSAGE_MAX {
        return Err(DecodeError::TooLong(length));
    }
    let Some(message) = bytes.get(LENGTH..LENGTH + length) else { return Ok(None) };
    let unknown = |error: serde_json::Error| DecodeError::Unknown(error.to_string());
    let message = serde_json::from_slice(message).map_err(unknown)?;
    bytes.drain(..LENGTH + length);
    Ok(Some(message))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn messages() -> [ToWorker; 4] {
        [
            ToWorker::Welcome { version: "1.2".into(), seat: 3, number: 1, generation: 9 },
            ToWorker::Listen { sockets: 2 },
            ToWorker::Retire,
            ToWorker::End,
        ]
    }

    #[test]
    fn messages_arrive_as_they_were_sent_however_they_are_cut() {
        let whole: Vec<u8> = messages().iter().flat_map(encode).collect();
        for size in 1..=whole.len() {
            let (mut bytes, mut received) = (Vec::new(), Vec::new());
            for piece in whole.chunks(size) {
                bytes.extend_from_slice(piece);
                while let Some(message) = decode::<ToWorker>(&mut bytes).unwrap() {
                    received.push(message);
                }
            }
            assert_eq!(received, messages(), "in pieces of {size}");
            assert!(bytes.is_empty());
        }
    }

    #[test]
    fn a_message_that_is_too_long_or_of_another_version_is_refused() {
        let mut bytes = u32::MAX.to_le_bytes().to_vec();
        let refused = decode::<ToWorker>(&mut bytes).unwrap_err();
        assert_eq!(refused, DecodeError::TooLong(u32::MAX as usize));
        let mut bytes = encode(&"Dance");
        let refused = decode::<ToWorker>(&mut bytes).unwrap_err();
        assert!(matches!(refused, DecodeError::Unknown(_)), "{refused}");
    }

    proptest! {
        #[test]
        fn whatever_arrives_is_a_message_or_an_error(
            mut bytes in prop::collection::vec(any::<u8>(), 0..200)
        ) {
            while let Ok(Some(_)) = decode::<ToSupervisor>(&mut bytes) {}
        }
    }
}
