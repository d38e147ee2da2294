//! A connection: receives once, answers all complete requests, and sends all responses at once.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;

use crate::answers::{Answers, Piece};
use crate::request::{self, Head};
use crate::system::{Interest, send_file};

const ROOM: usize = 64 * 1024;

/// What the event loop is to do with the connection after its turn.
pub enum Next {
    Unchanged,
    WaitFor(Interest),
    Close,
}

/// Memory that all connections share, so that many of them stay in the caches.
pub struct Scratch {
    received: Vec<u8>,
    small: Vec<u8>,
}

impl Scratch {
    pub fn new() -> Self {
        Self { received: vec![0; ROOM], small: Vec::new() }
    }
}

pub struct Connection {
    stream: TcpStream,
    /// The beginning of a head whose end has not come.
    incomplete: Vec<u8>,
    /// The length of the body that is coming, and how much of it is still to come.
    body: usize,
    body_left: usize,
    waiting: VecDeque<Piece>,
    /// How much of the first waiting piece is sent.
    sent: usize,
    closes: bool,
    interest: Interest,
}

impl Connection {
    pub fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            incomplete: Vec::new(),
            body: 0,
            body_left: 0,
            waiting: VecDeque::new(),
            sent: 0,
            closes: false,
            interest: Interest::Read,
        }
    }

    /// Do what the socket is ready for.
    pub fn turn(&mut self, answers: &Answers, scratch: &mut Scratch) -> Next {
        let done = match self.interest {
            Interest::Read => self.receive(answers, scratch),
            Interest::Write => self.flush(answers),
        };
        let wanted = match done {
            Ok(()) if self.closes => return Next::Close,
            Ok(()) => Interest::Read,
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Next::Close,
            Err(_) if self.waiting.is_empty() => Interest::Read,
            Err(_) => Interest::Write,
        };
        if wanted == self.interest {
            return Next::Unchanged;
        }
        self.interest = wanted;
        Next::WaitFor(wanted)
    }

    fn receive(&mut self, answers: &Answers, scratch: &mut Scratch) -> io::Result<()> {
        let size = self.stream.read(&mut scratch.received)?;
        if size == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        scratch.small.clear();
        let fresh = &scratch.received[..size];
        if self.incomplete.is_empty() {
            self.answer(fresh, answers, &mut scratch.small);
        } else {
            let mut joined = std::mem::take(&mut self.incomplete);
            joined.extend_from_slice(fresh);
            self.answer(&joined, answers, &mut scratch.small);
        }
        self.send(&scratch.small)?;
        self.flush(answers)
    }

    /// Answer what is complete, and keep the beginning of what is not.
    fn answer(&mut self, mut bytes: &[u8], answers: &Answers, small: &mut Vec<u8>) {
        loop {
            if self.body_left > 0 {
                let come = self.body_left.min(bytes.len());
                bytes = &bytes[come..];
                self.body_left -= come;
                if self.body_left > 0 {
                    return;
                }
                answers.received(self.body, small);
            }
            let Some(head) = request::read(bytes) else { break };
            bytes = &bytes[head.size..];
            self.begin(&head, answers, small);
        }
        self.incomplete.extend_from_slice(bytes);
    }

    fn begin(&mut self, head: &Head<'_>, answers: &Answers, small: &mut Vec<u8>) {
        self.closes = head.closes;
        if head.content_length > 0 {
            (self.body, self.body_left) = (head.content_length, head.content_length);
        } else {
            answers.answer(head, small, &mut self.waiting);
        }
    }

    fn send(&mut self, small: &[u8]) -> io::Result<()> {
        if small.is_empty() {
            return Ok(());
        }
        let sent = match self.stream.write(small) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            sent => sent?,
        };
        if sent < small.len() {
            self.waiting.push_front(Piece::Owned(small[sent..].to_vec()));
        }
        Ok(())
    }

    fn flush(&mut self, answers: &Answers) -> io::Result<()> {
        while let Some(piece) = self.waiting.front() {
            let size = match piece {
                Piece::Owned(bytes) => bytes.len(),
                Piece::Mebibyte => answers.mebibyte.len(),
                Piece::File => answers.file_size,
            };
            self.sent += match piece {
                Piece::Owned(bytes) => self.stream.write(&bytes[self.sent..])?,
                Piece::Mebibyte => self.stream.write(&answers.mebibyte[self.sent..])?,
                Piece::File => send_file(&self.stream, &answers.file, self.sent, size - self.sent)?,
            };
            if self.sent == size {
                self.waiting.pop_front();
                self.sent = 0;
            }
        }
        Ok(())
    }
}
