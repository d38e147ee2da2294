//! Runs a vector on a bare decoder, as a server without responses would use it.

use std::sync::Arc;

use maitred_http_parser::decode::{Decoded, Decoder, Progress};
use maitred_http_parser::exchange::Peer;
use maitred_http_parser::forwarded::{Trust, resolve};
use maitred_http_parser::{Limits, RequestHead};

use super::format::Vector;
use super::seen::compare;

/// Gives the vector to a decoder, cut into pieces of these lengths.
pub(super) fn judge(vector: &Vector, cuts: &[usize]) -> Result<(), String> {
    let mut decoder = Decoder::new(Arc::new(Limits::default()));
    let mut reading: Option<(Arc<RequestHead>, Vec<u8>)> = None;
    let mut served = 0;
    let mut rest = vector.sent.as_slice();
    for &cut in cuts {
        let mut input;
        (input, rest) = rest.split_at(cut);
        loop {
            if vector.refused.is_none() && !vector.ends_open && served == vector.served.len() {
                return Ok(()); // the connection is closed: nothing more is read
            }
            match decoder.decode(&mut input) {
                Decoded::Incomplete => break,
                Decoded::Head(head) => match resolve(&Trust::default(), &head, &Peer::unix()) {
                    Ok(_) => reading = Some((head, Vec::new())),
                    Err(refusal) => return refused(vector, served, refusal.rejection().status()),
                },
                Decoded::Body(piece) => {
                    let (_, body) = reading.as_mut().ok_or("a body without a head")?;
                    body.extend_from_slice(piece);
                }
                Decoded::End => {
                    let (head, body) = reading.take().ok_or("an end without a head")?;
                    let expected = vector.served.get(served).ok_or("one request too many")?;
                    compare(expected, &head, &body)?;
                    served += 1;
                }
                Decoded::Rejected(rejection) => return refused(vector, served, rejection.status()),
            }
        }
        if !input.is_empty() {
            return Err("bytes were left".into());
        }
    }
    if served < vector.served.len() {
        return Err(format!("only {served} requests were understood"));
    }
    match (vector.refused, decoder.progress()) {
        (None, Progress::Between) => Ok(()),
        (Some(_), Progress::Head | Progress::Body) if vector.half_close => Ok(()),
        (refused, progress) => Err(format!("expected {refused:?}, ended in {progress:?}")),
    }
}

fn refused(vector: &Vector, served: usize, status: u16) -> Result<(), String> {
    if vector.refused != Some(status) || served != vector.served.len() {
        return Err(format!("refused with {status} after {served} requests"));
    }
    Ok(())
}
