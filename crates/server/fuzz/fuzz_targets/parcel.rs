//! Whatever another process writes to an inbox, decoding it neither panics nor makes more of it than
//! was written: what is accepted is exactly what would be written for it.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../src/connection/parcel.rs"]
mod parcel;

fuzz_target!(|bytes: &[u8]| {
    let Ok(message) = parcel::Message::decode(bytes) else { return };
    let mut again = Vec::new();
    message.encode(&mut again);
    assert_eq!(again, bytes);
});
