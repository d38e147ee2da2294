//! Any bytes yield requests or a rejection: no panic, and no more memory than the limits allow.

#![no_main]

use libfuzzer_sys::fuzz_target;
use maitred_http_parser_fuzz::{read, small_limits};

fuzz_target!(|input: &[u8]| {
    let _ = read(maitred_http_parser::Limits::default(), input, &[]);
    let small = read(small_limits(), input, &[]);
    for request in small.requests {
        assert!(request.body.len() <= 200);
        assert!(request.fields.len() <= 9, "eight, and a Host from the target");
        assert!(request.target.len() <= 40 && request.method.len() <= 10);
    }
});
