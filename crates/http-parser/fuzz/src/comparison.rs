//! Compares the decoder with the reference parser: same requests, same rejections.

use maitred_http_parser::Limits;

use super::{Reading, Request, read, reference};

/// Limits are not the reference's subject, but for that of a body.
fn no_limits() -> Limits {
    let plenty = 100_000;
    Limits {
        head_bytes: plenty,
        target_bytes: plenty,
        method_bytes: plenty,
        fields: plenty,
        chunk_line_bytes: plenty,
        chunk_extension_bytes: plenty,
        trailer_bytes: plenty,
        ..Limits::default()
    }
}

/// Compares what the two make of `input`.
///
/// # Panics
/// They differ.
pub fn compare(input: &[u8]) {
    let real = read(no_limits(), input, &[]);
    let obvious = reference::read(input);
    match (real.refused, obvious.refused) {
        // The real one refuses as soon as it can, the reference when a line or a head is complete.
        (Some(_), None) => {
            assert!(complete(&real).eq(complete(&obvious)), "{real:?}\n{obvious:?}");
        }
        (Some(one), Some(other)) => {
            // Of two mistakes either may be named.
            assert!(
                one == other || one == 400 || other == 400 || one == 501,
                "{real:?}\n{obvious:?}"
            );
            let heads = |it: &Reading| it.requests.len();
            assert_eq!(heads(&real), heads(&obvious), "{real:?}\n{obvious:?}");
            assert!(complete(&real).eq(complete(&obvious)), "{real:?}\n{obvious:?}");
        }
        // A field line that is complete is judged by the real one with the rest of its section:
        // until then it has understood no more than the other one.
        (None, Some(_)) => {
            assert_eq!(real.requests, obvious.requests);
            let ended = read(no_limits(), &[input, b"\r\n\r\n"].concat(), &[]);
            assert!(ended.refused.is_some(), "{ended:?}\n{obvious:?}");
        }
        (None, None) => assert_eq!(real, obvious),
    }
}

/// The requests of which all has come.
fn complete(reading: &Reading) -> impl Iterator<Item = &Request> {
    reading.requests.iter().filter(|request| request.complete)
}
