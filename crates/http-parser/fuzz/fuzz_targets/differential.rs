//! The real decoder and the reference parser read the same requests and refuse the same streams.

#![no_main]

use libfuzzer_sys::fuzz_target;
use maitred_http_parser::Limits;
use maitred_http_parser_fuzz::{read, reference};

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

fuzz_target!(|input: &[u8]| {
    if input.len() > 4096 {
        return; // slow
    }
    let real = read(no_limits(), input, &[]);
    let obvious = reference::read(input);
    match (real.refused, obvious.refused) {
        // The real one refuses as soon as it can, the reference when a line or a head is complete.
        (Some(_), None) => {
            let complete = |it: &&maitred_http_parser_fuzz::Request| it.complete;
            assert!(
                obvious.requests.iter().filter(complete).eq(real.requests.iter().filter(complete)),
                "{real:?}\n{obvious:?}"
            );
        }
        (Some(one), Some(other)) => {
            // Of two mistakes either may be named.
            assert!(
                one == other || one == 400 || other == 400 || one == 501,
                "{real:?}\n{obvious:?}"
            );
            let heads = |it: &maitred_http_parser_fuzz::Reading| it.requests.len();
            assert_eq!(heads(&real), heads(&obvious), "{real:?}\n{obvious:?}");
        }
        // A field line that is complete is judged by the real one with the rest of its head.
        (None, Some(_)) => {
            let ended = read(no_limits(), &[input, b"\r\n\r\n"].concat(), &[]);
            assert!(ended.refused.is_some(), "{ended:?}\n{obvious:?}");
        }
        (None, None) => assert_eq!(real, obvious),
    }
});
