//! Everything next to a valid stream: each place of it with one byte more, one less, another one, or
//! with what an attacker would put there.
//!
//! The vectors say what must become of a case that somebody has thought of. Here nobody has: what
//! is right, the reference parser of the fuzz targets says, which was written from the RFCs and
//! shares no line with the decoder.

#[path = "../fuzz/src/lib.rs"]
#[expect(dead_code, unreachable_pub, reason = "the fuzz targets use the rest, and from outside")]
mod fuzz;

use fuzz::compare;

/// Streams in which every rule has something to decide.
const STREAMS: [&str; 11] = [
    "GET /a?b=c HTTP/1.1\r\nHost: dev.example\r\nX-A: v w\r\n\r\n",
    "POST /p HTTP/1.1\r\nHost: d\r\nContent-Length: 5\r\n\r\nhelloGET /n HTTP/1.1\r\nHost: d\r\n\r\n",
    "POST /c HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n3 ; c = \"d\"\r\n\
     abc\r\n0\r\nX-T: 1\r\n\r\nGET /n HTTP/1.1\r\nHost: d\r\n\r\n",
    "GET http://h.example:81/a?q HTTP/1.1\r\nHost: dev.example\r\nConnection: keep-alive\r\n\r\n",
    "GET /o HTTP/1.0\r\nConnection: keep-alive, x\r\nHost: [::1]:80\r\n\r\n",
    "PUT /e HTTP/1.1\r\nHost: d:1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi",
    "POST /e HTTP/1.1\r\nHost: d\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: d%41\r\nCookie: a=1\r\nCookie: b=2\r\n\r\n",
    "PUT /s HTTP/1.1\r\nHost: d\r\nRange: a\r\nContent-Type: b/c\r\nrange: a\r\nContent-Length: 0\r\n\r\n",
    "\r\nPUT /l HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\n\r\nhi\r\n\r\n\r\nGET /n HTTP/1.1\r\nHost: d\r\n\r\n",
    "HEAD /h HTTP/1.1\r\nHost: d\r\nContent-Length: 1\r\n\r\nxHEAD /i HTTP/1.1\r\nHost: d\r\n\r\n",
];

/// Bytes that mean something to one parser or another, and some that mean nothing to any.
const BYTES: &[u8] = b"\0\x01\t\n\x0b\x0c\r \"#%+,-/05:;=@\\_a\x7f\x80\x85\xa0\xff";

/// What smuggling is made of.
const SEQUENCES: [&[u8]; 12] = [
    b"\r\n",
    b"\n\n",
    b"\r\n\r\n",
    b"\r\n ",
    b"\r\r\n",
    b"\n\r",
    b"  ",
    b", ",
    b"\r\nTransfer-Encoding: chunked\r\n",
    b"\r\nContent-Length: 5\r\n",
    b"\xe2\x84\xaa", // a Kelvin sign, whose lower case is a k
    b"%0d%0a",
];

/// Runs `change` for each stream and each place in it: what stands before it and behind it.
fn at_every_place(change: impl Fn(&[u8], &[u8])) {
    for stream in STREAMS {
        for place in 0..=stream.len() {
            let (before, behind) = stream.as_bytes().split_at(place);
            change(before, behind);
        }
    }
}

#[test]
fn a_byte_more_or_another_one_means_the_same_to_both_parsers() {
    at_every_place(|before, behind| {
        for byte in BYTES {
            compare(&[before, &[*byte], behind].concat());
            if let [_, rest @ ..] = behind {
                compare(&[before, &[*byte], rest].concat());
            }
        }
    });
}

#[test]
fn a_byte_less_or_twice_or_in_the_wrong_order_means_the_same_to_both_parsers() {
    at_every_place(|before, behind| {
        compare(before);
        if let [byte, rest @ ..] = behind {
            compare(&[before, rest].concat());
            compare(&[before, &[*byte], behind].concat());
        }
        if let [one, other, rest @ ..] = behind {
            compare(&[before, &[*other, *one], rest].concat());
        }
    });
}

#[test]
fn what_an_attacker_would_put_there_means_the_same_to_both_parsers() {
    at_every_place(|before, behind| {
        for sequence in SEQUENCES {
            compare(&[before, sequence, behind].concat());
        }
    });
}

#[test]
fn a_line_more_or_less_or_in_another_place_means_the_same_to_both_parsers() {
    for stream in STREAMS {
        let lines: Vec<&str> = stream.split("\r\n").collect();
        for (place, line) in lines.iter().enumerate() {
            let mut less = lines.clone();
            less.remove(place);
            compare(less.join("\r\n").as_bytes());
            for other in 0..lines.len() {
                let mut more = lines.clone();
                more.insert(other, line);
                compare(more.join("\r\n").as_bytes());
                more.remove(if other <= place { place + 1 } else { place });
                compare(more.join("\r\n").as_bytes());
            }
        }
    }
}
