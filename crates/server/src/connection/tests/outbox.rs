//! Tests of the order, the lengths and the memory of waiting output.

use super::*;

/// What the outbox would send, in order.
fn contents(outbox: &Outbox) -> Vec<u8> {
    let mut all = outbox.first[outbox.first_sent..].to_vec();
    for segment in &outbox.rest {
        all.extend_from_slice(segment.as_slice().unwrap_or(b"<file>"));
    }
    assert_eq!(outbox.len(), all.len() as u64);
    all
}

#[test]
fn what_is_put_back_goes_before_what_has_come_since() {
    let mut outbox = Outbox::default();
    outbox.append(|bytes| bytes.extend_from_slice(b"one "));
    outbox.push(Segment::held(Bytes::from_static(b"two ")));
    let mut taken = outbox.take();
    outbox.append(|bytes| bytes.extend_from_slice(b"three "));
    outbox.push(Segment::held(Bytes::from_static(b"four")));
    taken.went(6);
    outbox.put_back(taken);
    assert_eq!(contents(&outbox), b"o three four");
}

#[test]
fn a_client_that_is_always_behind_does_not_make_the_buffer_grow() {
    let mut outbox = Outbox::default();
    outbox.append(|bytes| bytes.extend_from_slice(&[b'x'; 1000]));
    for _ in 0..1000 {
        let mut taken = outbox.take();
        taken.went(900);
        outbox.append(|bytes| bytes.extend_from_slice(&[b'x'; 900]));
        outbox.put_back(taken);
        let held = outbox.first.capacity() as u64 + outbox.rest_memory;
        assert!(held < 4000, "{held} bytes are held for 1000");
    }
    assert_eq!(outbox.len(), 1000);
}

#[test]
fn nothing_empty_is_ever_queued() {
    let mut outbox = Outbox::default();
    outbox.push(Segment::held(Bytes::new()));
    outbox.push(Segment::held(Bytes::from_static(b"x")));
    outbox.append(|_| ());
    assert_eq!((outbox.rest.len(), outbox.is_empty()), (1, false));
}

#[test]
fn everything_in_memory_is_moved_in_order_whoever_owns_it() {
    let temp_files = TempFiles::unlimited(None);
    let mut outbox = Outbox::default();
    outbox.append(|bytes| bytes.extend_from_slice(b"abc"));
    outbox.push(Segment::held(Bytes::from_static(b"defg")));
    outbox.append(|bytes| bytes.extend_from_slice(b"hi"));
    assert_eq!(outbox.memory_bytes(), 9);
    outbox.spill(&temp_files).unwrap();
    assert_eq!((outbox.len(), outbox.memory_bytes()), (9, 0));
    let places = |outbox: &Outbox| -> Vec<_> {
        let parts = outbox.rest.iter().map(|segment| match segment {
            Segment::File(part) => (part.offset, part.remaining),
            other => panic!("in memory: {other:?}"),
        });
        parts.collect()
    };
    assert_eq!(places(&outbox), [(0, 3), (3, 4), (7, 2)]);
    outbox.append(|bytes| bytes.extend_from_slice(b"jkl"));
    outbox.spill(&temp_files).unwrap();
    assert_eq!(places(&outbox), [(0, 3), (3, 4), (7, 2), (9, 3)], "behind it, in the same file");
}

#[test]
fn a_held_piece_takes_its_whole_memory_until_its_last_byte_has_left() {
    let mut outbox = Outbox::default();
    outbox.push(Segment::held(Bytes::from_static(b"held")));
    outbox.append(|bytes| bytes.extend_from_slice(b"copied"));
    outbox.went(3);
    assert_eq!((outbox.len(), outbox.memory_bytes()), (7, 10));
    outbox.went(2);
    assert_eq!((outbox.len(), outbox.memory_bytes()), (5, 6));
    outbox.went(5);
    assert_eq!((outbox.len(), outbox.memory_bytes()), (0, 0));
}
