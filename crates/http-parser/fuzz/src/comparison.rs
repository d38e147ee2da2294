//! Compares the decoder with the reference parser: same requests, same rejections.

use super::{Reading, Request, no_limits, read, reference};

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
