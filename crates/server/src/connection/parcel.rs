//! What worker processes write to each other's inboxes: a connection that is handed over, the request
//! for one, or the answer that there is none.
//!
//! A message is one datagram. Its descriptor is the socket of the connection; its bytes are a header
//! of fixed-size fields, little-endian, and the input that the receiver has to parse as if it had
//! read it from that socket. Times are nanoseconds of the monotonic clock, which all processes of a
//! machine share. Only processes of this server write here, but a wild write of an extension module
//! may stand in for them, so decoding accepts every sequence of bytes and bounds their number. What
//! they say is as wild as they are: whoever uses an index or a time bounds it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// The maximum length of a message: well below the default buffer of a Unix socket, of which six
/// such messages fill the most.
pub(crate) const MESSAGE_BYTES_MAX: usize = 33 * 1024;

/// The maximum length of a header.
const HEADER_BYTES_MAX: usize = 128;

/// The maximum input of a connection that can be handed over.
pub(crate) const INPUT_BYTES_MAX: usize = MESSAGE_BYTES_MAX - HEADER_BYTES_MAX;

/// A message, and for whom it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    /// The process that has sent it.
    pub(crate) from: Sender,
    /// The generation of the process that it was sent to: a later one of the same seat may read it.
    pub(crate) to_generation: u64,
    pub(crate) content: Content<'a>,
}

/// A process on the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sender {
    pub(crate) seat: u16,
    pub(crate) generation: u64,
}

/// The kinds of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content<'a> {
    /// A connection; its socket is the descriptor of the message.
    Connection(Parcel<'a>),
    /// The sender has room for a request, and asks for one that waits.
    Want,
    /// The answer to that: none can be handed over.
    Nothing,
}

/// A connection that is handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parcel<'a> {
    /// How often it has been handed over since its last response.
    pub(crate) hops: u8,
    /// The index of the listener that accepted it.
    pub(crate) listener: u16,
    /// The other end; `None` for a Unix socket.
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) progress: MovedProgress,
    /// The input that has been read from the socket, and is to be parsed again.
    pub(crate) input: &'a [u8],
}

/// How far a connection that is handed over has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MovedProgress {
    /// Accepted at this time; nothing has been received.
    New { since_ns: u64 },
    /// It has waited since then for the next request, or for the rest of its head.
    Waiting { since_ns: u64 },
    /// Its input begins with a complete request.
    Queued {
        /// When the first byte of the request arrived.
        began_ns: u64,
        /// When the request was complete.
        queued_at_ns: u64,
    },
}

/// A message is not one of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a message between worker processes has {0}")]
pub(crate) struct Malformed(&'static str);

mod kind {
    pub(super) const WANT: u8 = 1;
    pub(super) const NOTHING: u8 = 2;
    pub(super) const CONNECTION: u8 = 3;
}

mod progress {
    pub(super) const NEW: u8 = 0;
    pub(super) const WAITING: u8 = 1;
    pub(super) const QUEUED: u8 = 2;
}

mod family {
    pub(super) const UNIX: u8 = 0;
    pub(super) const V4: u8 = 4;
    pub(super) const V6: u8 = 6;
}

impl<'a> Message<'a> {
    /// Appends the message to `out`.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.push(match self.content {
            Content::Want => kind::WANT,
            Content::Nothing => kind::NOTHING,
            Content::Connection(_) => kind::CONNECTION,
        });
        out.extend_from_slice(&self.from.seat.to_le_bytes());
        out.extend_from_slice(&self.from.generation.to_le_bytes());
        out.extend_from_slice(&self.to_generation.to_le_bytes());
        if let Content::Connection(parcel) = self.content {
            parcel.encode(out);
        }
    }

    /// The message that these bytes are.
    ///
    /// # Errors
    /// They are none: something is missing, left over, or unknown.
    pub(crate) fn decode(bytes: &'a [u8]) -> Result<Self, Malformed> {
        if bytes.len() > MESSAGE_BYTES_MAX {
            return Err(Malformed("too many bytes"));
        }
        let mut rest = bytes;
        let [kind] = take(&mut rest)?;
        let seat = u16::from_le_bytes(take(&mut rest)?);
        let generation = u64::from_le_bytes(take(&mut rest)?);
        let to_generation = u64::from_le_bytes(take(&mut rest)?);
        let content = match kind {
            kind::CONNECTION => Content::Connection(Parcel::decode(rest)?),
            kind::WANT if rest.is_empty() => Content::Want,
            kind::NOTHING if rest.is_empty() => Content::Nothing,
            kind::WANT | kind::NOTHING => return Err(Malformed("bytes behind its end")),
            _ => return Err(Malformed("an unknown kind")),
        };
        Ok(Self { from: Sender { seat, generation }, to_generation, content })
    }
}

impl<'a> Parcel<'a> {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.hops);
        out.extend_from_slice(&self.listener.to_le_bytes());
        let (tag, first, second) = match self.progress {
            MovedProgress::New { since_ns } => (progress::NEW, since_ns, None),
            MovedProgress::Waiting { since_ns } => (progress::WAITING, since_ns, None),
            MovedProgress::Queued { began_ns, queued_at_ns } => {
                (progress::QUEUED, began_ns, Some(queued_at_ns))
            }
        };
        out.push(tag);
        for time in [Some(first), second].into_iter().flatten() {
            out.extend_from_slice(&time.to_le_bytes());
        }
        encode_peer(self.peer, out);
        out.extend_from_slice(self.input);
    }

    fn decode(mut rest: &'a [u8]) -> Result<Self, Malformed> {
        let [hops] = take(&mut rest)?;
        let listener = u16::from_le_bytes(take(&mut rest)?);
        let [tag] = take(&mut rest)?;
        let since_ns = u64::from_le_bytes(take(&mut rest)?);
        let progress = match tag {
            progress::NEW => MovedProgress::New { since_ns },
            progress::WAITING => MovedProgress::Waiting { since_ns },
            progress::QUEUED => MovedProgress::Queued {
                began_ns: since_ns,
                queued_at_ns: u64::from_le_bytes(take(&mut rest)?),
            },
            _ => return Err(Malformed("an unknown progress")),
        };
        let peer = decode_peer(&mut rest)?;
        if rest.len() > INPUT_BYTES_MAX {
            return Err(Malformed("too much input"));
        }
        Ok(Self { hops, listener, peer, progress, input: rest })
    }
}

fn encode_peer(peer: Option<SocketAddr>, out: &mut Vec<u8>) {
    match peer {
        None => out.push(family::UNIX),
        Some(SocketAddr::V4(address)) => {
            out.push(family::V4);
            out.extend_from_slice(&address.ip().octets());
            out.extend_from_slice(&address.port().to_le_bytes());
        }
        Some(SocketAddr::V6(address)) => {
            out.push(family::V6);
            out.extend_from_slice(&address.ip().octets());
            out.extend_from_slice(&address.port().to_le_bytes());
            out.extend_from_slice(&address.flowinfo().to_le_bytes());
            out.extend_from_slice(&address.scope_id().to_le_bytes());
        }
    }
}

fn decode_peer(rest: &mut &[u8]) -> Result<Option<SocketAddr>, Malformed> {
    let [family] = take(rest)?;
    Ok(match family {
        family::UNIX => None,
        family::V4 => {
            let host = Ipv4Addr::from(take::<4>(rest)?);
            Some(SocketAddr::new(IpAddr::V4(host), u16::from_le_bytes(take(rest)?)))
        }
        family::V6 => {
            let host = Ipv6Addr::from(take::<16>(rest)?);
            let port = u16::from_le_bytes(take(rest)?);
            let (flow, scope) = (u32::from_le_bytes(take(rest)?), u32::from_le_bytes(take(rest)?));
            Some(SocketAddr::V6(SocketAddrV6::new(host, port, flow, scope)))
        }
        _ => return Err(Malformed("an unknown address family")),
    })
}

/// Takes the next bytes.
fn take<const COUNT: usize>(rest: &mut &[u8]) -> Result<[u8; COUNT], Malformed> {
    let (field, after) = rest.split_first_chunk().ok_or(Malformed("too few bytes"))?;
    *rest = after;
    Ok(*field)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(message: &Message<'_>) -> Vec<u8> {
        let mut bytes = Vec::new();
        message.encode(&mut bytes);
        bytes
    }

    fn peers() -> impl Strategy<Value = Option<SocketAddr>> {
        let v6 = any::<([u8; 16], u16, u32, u32)>();
        prop_oneof![
            Just(None),
            any::<([u8; 4], u16)>().prop_map(|(host, port)| Some((host, port).into())),
            v6.prop_map(|(host, port, flow, scope)| {
                Some(SocketAddrV6::new(host.into(), port, flow, scope).into())
            }),
        ]
    }

    fn progresses() -> impl Strategy<Value = MovedProgress> {
        any::<(u8, u64, u64)>().prop_map(|(which, first, second)| match which % 3 {
            0 => MovedProgress::New { since_ns: first },
            1 => MovedProgress::Waiting { since_ns: first },
            _ => MovedProgress::Queued { began_ns: first, queued_at_ns: second },
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn a_connection_is_read_as_it_was_written(
            (seat, generation, to_generation) in any::<(u16, u64, u64)>(),
            (hops, listener) in any::<(u8, u16)>(),
            peer in peers(),
            progress in progresses(),
            input in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let content =
                Content::Connection(Parcel { hops, listener, peer, progress, input: &input });
            let message = Message { from: Sender { seat, generation }, to_generation, content };
            let bytes = encoded(&message);
            prop_assert_eq!(Message::decode(&bytes), Ok(message));
            let header = bytes.len() - input.len();
            prop_assert!(header <= HEADER_BYTES_MAX);
            for end in 0..header {
                prop_assert!(Message::decode(&bytes[..end]).is_err(), "its first {} bytes", end);
            }
        }

        #[test]
        fn any_bytes_are_refused_or_are_exactly_one_message(
            bytes in proptest::collection::vec(any::<u8>(), 0..100),
        ) {
            if let Ok(message) = Message::decode(&bytes) {
                prop_assert_eq!(encoded(&message), bytes);
            }
        }
    }

    #[test]
    fn a_message_without_a_connection_ends_with_its_header() {
        for content in [Content::Want, Content::Nothing] {
            let from = Sender { seat: 3, generation: 7 };
            let mut bytes = encoded(&Message { from, to_generation: 9, content });
            let message = Message::decode(&bytes).unwrap();
            assert_eq!((message.from, message.content), (from, content));
            bytes.push(0);
            assert_eq!(Message::decode(&bytes), Err(Malformed("bytes behind its end")));
        }
    }

    #[test]
    fn the_largest_connection_fits_into_a_message_and_a_larger_one_is_refused() {
        let peer = Some(SocketAddrV6::new(Ipv6Addr::LOCALHOST, 1, 2, 3).into());
        let progress = MovedProgress::Queued { began_ns: 1, queued_at_ns: 2 };
        for (length, is_read) in [(INPUT_BYTES_MAX, true), (INPUT_BYTES_MAX + 1, false)] {
            let input = vec![b'x'; length];
            let parcel = Parcel { hops: 0, listener: 0, peer, progress, input: &input };
            let from = Sender { seat: 0, generation: 0 };
            let content = Content::Connection(parcel);
            let bytes = encoded(&Message { from, to_generation: 0, content });
            assert_eq!(Message::decode(&bytes).is_ok(), is_read);
            assert!(!is_read || bytes.len() <= MESSAGE_BYTES_MAX);
        }
    }
}
