//! The responses: the same bodies and fields as those of `apps/plain.py`.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};

use crate::request::Head;

const HEAD: &str =
    "HTTP/1.1 200 OK\r\nServer: floor\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Type: ";
const OCTETS: &str = "application/octet-stream\r\n";
const CHUNKS: usize = 64;

/// Bytes that wait for the socket.
pub enum Piece {
    /// Made for this answer.
    Owned(Vec<u8>),
    /// The 1 MiB that every such answer shares.
    Mebibyte,
    /// The file of 4 MiB.
    File,
}

/// The bodies that are ready before the first request.
pub struct Answers {
    pub mebibyte: Vec<u8>,
    pub file: File,
    pub file_size: usize,
    chunk: Vec<u8>,
}

impl Answers {
    /// Prepare them; the file goes to the temporary folder.
    pub fn new() -> io::Result<Self> {
        let mebibyte: Vec<u8> = (0..1usize << 20).map(|i| i.to_le_bytes()[0]).collect();
        let content = mebibyte.repeat(4);
        let path = std::env::temp_dir().join(format!("bench-floor-{}", std::process::id()));
        std::fs::write(&path, &content)?;
        let file = File::open(&path)?;
        std::fs::remove_file(&path)?; // it lives as long as the descriptor
        Ok(Self { mebibyte, file, file_size: content.len(), chunk: b"0123456789abcdef".repeat(64) })
    }

    /// Append a small answer to `small`, or the pieces of a large one to `large`.
    pub fn answer(&self, head: &Head<'_>, small: &mut Vec<u8>, large: &mut VecDeque<Piece>) {
        match head.target {
            b"/" => text(small, head.closes, b"Hello, world!"),
            b"/mebibyte" => {
                large.push_back(Piece::Owned(length(self.mebibyte.len())));
                large.push_back(Piece::Mebibyte);
            }
            b"/file" => {
                large.push_back(Piece::Owned(length(self.file_size)));
                large.push_back(Piece::File);
            }
            b"/stream" => self.stream(large),
            target => match target.strip_prefix(b"/shop/item?") {
                Some(query) => shop(small, head, query),
                None => text(small, head.closes, target),
            },
        }
    }

    /// Append the answer to a body that was read: its length.
    pub fn received(&self, size: usize, small: &mut Vec<u8>) {
        text(small, false, size.to_string().as_bytes());
    }

    /// Each chunk in a write of its own, for an application's yield is to be sent at once.
    fn stream(&self, large: &mut VecDeque<Piece>) {
        for number in 0..CHUNKS {
            let mut piece = Vec::with_capacity(self.chunk.len() + 256);
            if number == 0 {
                write(&mut piece, format_args!("{HEAD}{OCTETS}Transfer-Encoding: chunked\r\n\r\n"));
            }
            write(&mut piece, format_args!("{:x}\r\n", self.chunk.len()));
            piece.extend_from_slice(&self.chunk);
            piece.extend_from_slice(b"\r\n");
            if number == CHUNKS - 1 {
                piece.extend_from_slice(b"0\r\n\r\n");
            }
            large.push_back(Piece::Owned(piece));
        }
    }
}

fn length(size: usize) -> Vec<u8> {
    format!("{HEAD}{OCTETS}Content-Length: {size}\r\n\r\n").into_bytes()
}

fn text(out: &mut Vec<u8>, closes: bool, body: &[u8]) {
    let closing = if closes { "Connection: close\r\n" } else { "" };
    write(out, format_args!("{HEAD}text/plain\r\n{closing}Content-Length: {}\r\n\r\n", body.len()));
    out.extend_from_slice(body);
}

/// What `plain.headers` answers.
fn shop(out: &mut Vec<u8>, head: &Head<'_>, query: &[u8]) {
    let host = head.host.split(|byte| *byte == b':').next().unwrap_or_default();
    let agent = &head.user_agent[..head.user_agent.len().min(11)];
    let mut body = Vec::with_capacity(128);
    for part in [b"GET|/shop/item|", query, b"|", host, b"|", agent] {
        body.extend_from_slice(part);
    }
    write(&mut body, format_args!("|{}", head.cookie_length));
    write(
        out,
        format_args!(
            "{HEAD}text/plain; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
             X-Request-Id: 3f1c9f0a-6f3e-4a57-9c5f-000000000001\r\n\
             Set-Cookie: session=abcdef0123456789; Path=/; HttpOnly\r\n\r\n",
            body.len()
        ),
    );
    out.extend_from_slice(&body);
}

fn write(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to memory does not fail");
}
