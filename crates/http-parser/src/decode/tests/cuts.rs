//! Tests that splitting the input differently never changes its meaning.

use proptest::prelude::*;

use super::*;

/// What a decoder makes of all bytes in pieces that end at `cuts`: pieces of a body are joined.
fn meaning(decoder: &mut Decoder, input: &[u8], cuts: &[usize]) -> Vec<String> {
    let mut meaning: Vec<String> = Vec::new();
    let mut start = 0;
    for end in cuts.iter().copied().chain([input.len()]) {
        for event in told(decoder, &input[start..end]) {
            match (meaning.last_mut(), event.strip_prefix('=')) {
                (Some(last), Some(more)) if last.starts_with('=') => last.push_str(more),
                _ => meaning.push(event),
            }
        }
        start = end;
        if decoder.progress() == Progress::Rejected {
            break;
        }
    }
    meaning
}

/// Pieces of requests, good and bad, of which random streams are made.
fn fragments() -> impl Strategy<Value = Vec<u8>> {
    let fragment = prop_oneof![
        8 => prop::sample::select(vec![
            "GET / HTTP/1.1\r\n", "POST /a?b HTTP/1.1\r\n", "PUT http://b/ HTTP/1.0\r\n", "OPTIONS * HTTP/1.1\r\n",
            "Host: a\r\n", "X: 1\r\n", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n",
            "Connection: close\r\n", "Expect: 100-continue\r\n", "\r\n", "hello", "5\r\nhello\r\n",
            "3;a=\"b\"\r\nabc\r\n", "0\r\n\r\n", "0\r\nX: 1\r\n\r\n",
            "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n",
            "PUT /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
            "PUT /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        ]).prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::sample::select(vec!["\r", "\n", " ", ":", ";", "\t", "\0", "5", "x", "\\", "\""])
            .prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..8),
    ];
    prop::collection::vec(fragment, 1..12).prop_map(|fragments| fragments.concat())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_cut_of_any_stream_means_the_same(
        input in fragments(),
        places in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let mut cuts: Vec<usize> = places.iter().map(|place| place.index(input.len() + 1)).collect();
        cuts.sort_unstable();
        let whole = meaning(&mut decoder(), &input, &[]);
        prop_assert_eq!(&whole, &meaning(&mut decoder(), &input, &cuts));
        let every_byte: Vec<usize> = (1..input.len()).collect();
        prop_assert_eq!(&whole, &meaning(&mut decoder(), &input, &every_byte));
    }

    #[test]
    fn what_is_put_into_chunks_comes_out_again(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 0..8),
        places in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        extension in prop::sample::select(vec!["", ";a", ";a=b", " ; a = \"b \\\" c\""]),
    ) {
        let mut input = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        for piece in &pieces {
            input.extend(format!("{:X}{extension}\r\n", piece.len()).into_bytes());
            input.extend(piece);
            input.extend(b"\r\n");
        }
        input.extend(b"0\r\n\r\n");
        let mut cuts: Vec<usize> = places.iter().map(|place| place.index(input.len() + 1)).collect();
        cuts.sort_unstable();
        let mut decoder = decoder();
        let mut body = Vec::new();
        let mut ended = false;
        let mut start = 0;
        for end in cuts.into_iter().chain([input.len()]) {
            let mut bytes = &input[start..end];
            start = end;
            loop {
                match decoder.decode(&mut bytes) {
                    Decoded::Incomplete => break,
                    Decoded::Body(piece) => body.extend_from_slice(piece),
                    Decoded::End => ended = true,
                    Decoded::Head(_) => {}
                    Decoded::Rejected(rejection) => panic!("{rejection}"),
                }
            }
        }
        prop_assert!(ended);
        prop_assert_eq!(body, pieces.concat());
    }
}
