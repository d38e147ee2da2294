//! The decoder and the reference parser read the same requests and reject the same streams.

#![no_main]

use libfuzzer_sys::fuzz_target;
use maitred_http_parser_fuzz::compare;

fuzz_target!(|input: &[u8]| {
    if input.len() <= 4096 {
        compare(input); // slow
    }
});
