//! Valid requests are decoded correctly, and the decoder reads what the encoder writes.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use maitred_http_parser::encode::BodyEncoder;
use maitred_http_parser::message::headers::{is_token_byte, is_value_byte, trim_ows};
use maitred_http_parser_fuzz::{Request, cuts, read};

#[derive(Arbitrary, Debug)]
struct Meant {
    method: Vec<u8>,
    path: Vec<u8>,
    fields: Vec<(Vec<u8>, Vec<u8>)>,
    body: Vec<Vec<u8>>,
    is_chunked: bool,
}

fuzz_target!(|case: (Vec<Meant>, [u8; 16])| {
    let (meant, random) = case;
    let mut bytes = Vec::new();
    let mut expected = Vec::new();
    for meant in meant {
        expected.push(write(meant, &mut bytes));
    }
    let reading = read(Default::default(), &bytes, &cuts(bytes.len(), &random));
    assert_eq!(reading.refused, None);
    assert_eq!(reading.requests, expected);
});

/// Writes a request as near to what is meant as the grammar allows.
fn write(meant: Meant, bytes: &mut Vec<u8>) -> Request {
    let token = |bytes: Vec<u8>| -> Vec<u8> {
        let fits: Vec<u8> = bytes.into_iter().filter(|&it| is_token_byte(it)).take(60).collect();
        if fits.is_empty() || fits == b"CONNECT" { b"X".to_vec() } else { fits }
    };
    let method = token(meant.method);
    let mut target = b"/".to_vec();
    target.extend(meant.path.into_iter().filter(|it| (b'!'..=b'~').contains(it) && *it != b'#'));
    let mut fields = vec![(b"Host".to_vec(), b"a.example".to_vec())];
    for (name, value) in meant.fields.into_iter().take(90) {
        // Behind a prefix no name means anything to the server.
        let name = [b"X-".to_vec(), token(name)].concat();
        let value: Vec<u8> = value.into_iter().filter(|&it| is_value_byte(it)).collect();
        fields.push((name, trim_ows(&value).to_vec()));
    }
    let body = meant.body.concat();
    fields.push(if meant.is_chunked {
        (b"Transfer-Encoding".to_vec(), b"chunked".to_vec())
    } else {
        (b"Content-Length".to_vec(), body.len().to_string().into_bytes())
    });

    for part in [&method[..], b" ", &target, b" HTTP/1.1\r\n"] {
        bytes.extend_from_slice(part);
    }
    for (name, value) in &fields {
        for part in [&name[..], b": ", value, b" \r\n"] {
            bytes.extend_from_slice(part);
        }
    }
    bytes.extend_from_slice(b"\r\n");
    let mut encoder = if meant.is_chunked {
        BodyEncoder::Chunked
    } else {
        BodyEncoder::Length { remaining: body.len() as u64, excess: 0 }
    };
    for piece in &meant.body {
        let frame = encoder.frame(piece.len() as u64);
        bytes.extend_from_slice(frame.prefix());
        bytes.extend_from_slice(&piece[..frame.take as usize]);
        bytes.extend_from_slice(frame.suffix);
    }
    assert_eq!(encoder.missing(), 0);
    bytes.extend_from_slice(encoder.end());
    Request { method, target, is_1_1: true, fields, body, complete: true }
}
