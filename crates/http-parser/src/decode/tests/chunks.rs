//! Tests of chunks, extensions and trailers.

use super::*;

const HEAD: &str = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

/// What a decoder makes of a chunked body, without its head.
fn body(chunks: impl AsRef<[u8]>) -> Vec<String> {
    let mut decoder = decoder();
    told(&mut decoder, HEAD);
    told(&mut decoder, chunks)
}

#[test]
fn a_chunk_is_a_size_and_so_many_bytes() {
    assert_eq!(body("5\r\nhello\r\n0\r\n\r\n"), ["=hello", "end"]);
    assert_eq!(body("0000a\r\n0123456789\r\n1\r\nx\r\n000\r\n\r\n"), ["=0123456789", "=x", "end"]);
    assert_eq!(body("4\r\n\r\n\r\n\r\n0\r\n\r\n"), ["=\r\n\r\n", "end"]);
    assert_eq!(body("1b\r\nabcdefghijklmnopqrstuvwxyz.\r\n"), ["=abcdefghijklmnopqrstuvwxyz."]);
    assert_eq!(body("0\r\n\r\n"), ["end"]);
}

#[test]
fn a_size_is_1_to_16_hexadecimal_digits() {
    for size in [
        "",
        " 5",
        "+5",
        "-5",
        "0x5",
        "0_5",
        "5h",
        "five",
        "5.0",
        "\"5\"",
        "5\0",
        "5\u{a0}",
        ";x",
        "{",
        "00000000000000005",
        "fffffffffffffffff",
    ] {
        assert_eq!(body(format!("{size}\r\nhello\r\n0\r\n\r\n")), ["chunk_size"], "{size:?}");
    }
    assert_eq!(body("0000000000000005\r\nhello\r\n"), ["=hello"]);
    assert_eq!(body("ffffffffffffffff\r\n"), ["body_too_large"]);
    assert_eq!(body("8000000000000005\r\n"), ["body_too_large"]);
}

#[test]
fn an_extension_is_a_name_and_perhaps_a_value() {
    for extension in [
        ";x",
        ";x=y",
        ";x=\"y\"",
        ";a;b=c;d=\"e\"",
        ";x=\"a;b, c\"",
        ";x=\"a\tb\"",
        ";x=\"\"",
        " ;x",
        "\t; x",
        ";x = y",
        ";x =\t\"y\" ;z",
        ";x=\"\\\"\\\\\"",
        ";!#$%&'*+-.^_`|~=1",
        ";x=\"\u{e9}\"",
        "; x;y",
    ] {
        assert_eq!(
            body(format!("5{extension}\r\nhello\r\n0\r\n\r\n")),
            ["=hello", "end"],
            "{extension:?}"
        );
        assert_eq!(body(format!("0{extension}\r\n\r\n")), ["end"], "{extension:?}");
    }
    for extension in [
        ";",
        ";;x",
        ";x=",
        ";x;",
        ";x=y;",
        ";=y",
        ";x ",
        ";x=y ",
        ";x=\"y\" ",
        ";x y",
        ";x=y z",
        ";x=\"y",
        ";x=\"y\"z",
        ";x[y]",
        ";x=\x01",
        ";\u{e9}",
        ";x=y=z",
        ";x=\"\\\x01\"",
        ";x=\"\x7f\"",
        ";\x7f",
        ";x\0",
        "; ",
        " ",
        "\t",
        " 5",
        "\t;",
        ";x=\"a\\",
    ] {
        let refused = body(format!("5{extension}\r\nhello\r\n0\r\n\r\n"));
        assert_eq!(refused, ["chunk_extension"], "{extension:?}");
    }
}

#[test]
fn lines_and_data_end_in_crlf_and_nothing_else() {
    for chunks in ["5\n", "5;x\n", "5;x=\"a\n", "5\rX", "0\n", "5;x=y\n", "5\r\r"] {
        assert_eq!(body(chunks), ["bare_line_end"], "{chunks:?}");
    }
    for chunks in ["2\r\nab0", "2\r\nab\n", "2\r\nab\r0", "2\r\nabX", "2\r\nab\r\r"] {
        assert_eq!(body(chunks), ["=ab", "chunk_termination"], "{chunks:?}");
    }
    assert_eq!(body("2\r\nab\r\n\r\n"), ["=ab", "chunk_size"]);
    assert_eq!(body("0\r\n\n"), ["bare_line_end"]);
    assert_eq!(body("0\r\nXXGET / HTTP/1.1\r\n\r\n"), ["trailer"]);
}

#[test]
fn a_trailer_section_is_checked_and_dropped() {
    for trailer in ["X: 1\r\n", "X:\r\nY: 2\r\n", "X-Client-Id: 6\r\n", "X: \u{e9}\r\n"] {
        assert_eq!(body(format!("0\r\n{trailer}\r\n")), ["end"], "{trailer:?}");
    }
    for trailer in ["X", "X : 1", " X: 1", "X: 1\r\n 2", "X: a\0b", "X\u{e9}: 1", ": 1"] {
        assert_eq!(body(format!("0\r\n{trailer}\r\n\r\n")), ["trailer"], "{trailer:?}");
    }
    for trailer in ["X: a\rb", "X: a\nY: b", "X: a\r\n\n"] {
        assert_eq!(body(format!("0\r\n{trailer}\r\n\r\n")), ["bare_line_end"], "{trailer:?}");
    }
}

#[test]
fn fields_of_framing_and_routing_may_not_come_after_a_body() {
    for name in [
        "CONNECTION",
        "Content-Length",
        "Forwarded",
        "host",
        "Keep-Alive",
        "Max-Forwards",
        "Proxy-Connection",
        "TE",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
        "Via",
        "X-Forwarded-For",
        "x-forwarded-proto",
    ] {
        assert_eq!(body(format!("0\r\nX: 1\r\n{name}: 1\r\n\r\n")), ["trailer"], "{name}");
    }
}

#[test]
fn other_fields_after_a_body_are_dropped() {
    for name in [
        "Authorization",
        "Cache-Control",
        "Content-Encoding",
        "Content-Range",
        "Content-Type",
        "Cookie",
        "Digest",
        "Expect",
        "If-Match",
        "If-Range",
        "Proxy-Authorization",
        "Range",
        "X-Checksum",
    ] {
        // Dropped as they are, they contradict neither each other nor the head.
        let trailer = format!("{name}: 1\r\n{name}: 2\r\n");
        assert_eq!(body(format!("0\r\n{trailer}\r\n")), ["end"], "{name}");
    }
}

#[test]
fn a_body_that_is_too_large_and_broken_is_too_large() {
    let chunks = ["5;;\r\nhello", "5\r\nhello!!", "x"];
    for (chunk, broken) in chunks.iter().zip(["chunk_extension", "chunk_termination", "chunk_size"])
    {
        for (limit, expected) in [(1000, broken), (20, "body_too_large")] {
            let mut decoder = limited(|limits| limits.body_bytes = limit);
            told(&mut decoder, HEAD);
            let answer = told(&mut decoder, format!("{chunk}{}", " ".repeat(20)));
            assert_eq!(answer.last().map(String::as_str), Some(expected), "{chunk:?}");
        }
    }
}
