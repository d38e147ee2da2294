//! Splitting the input differently never changes its meaning.

#![no_main]

use libfuzzer_sys::fuzz_target;
use maitred_http_parser_fuzz::{cuts, read, small_limits};

fuzz_target!(|case: (bool, [u8; 8], &[u8])| {
    let (small, random, input) = case;
    let limits = || if small { small_limits() } else { Default::default() };
    let whole = read(limits(), input, &[]);
    let every_byte: Vec<usize> = (1..input.len()).collect();
    for cuts in [cuts(input.len(), &random), every_byte] {
        let mut pieces = read(limits(), input, &cuts);
        // A body that is broken is too large if more than the limit has come; how much has come
        // when it is found broken is the one thing that depends on the cut.
        if (pieces.refused, whole.refused) == (Some(400), Some(413)) {
            pieces.refused = whole.refused;
        }
        assert_eq!(whole, pieces);
    }
});
