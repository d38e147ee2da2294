//! Changes streams of requests where parsers are likely to disagree: at line ends and separators, in
//! sizes and lengths, and between the lines of a head.

use maitred_http_parser_fuzz::{no_limits, read};

use super::INPUT_BYTES_MAX;
use super::random::Random;

/// Bytes that mean something to one parser or another.
const BYTES: &[u8] =
    b"\0\x01\t\n\x0b\x0c\r\x1c \"#%'()*+,-./0159:;<=>?@AF[\\]^_`aefx{|}~\x7f\x80\x85\xa0\xff";

/// What a byte at a time would take long to find.
const SEQUENCES: [&[u8]; 24] = [
    b"\r\n",
    b"\n\n",
    b"\r\r\n",
    b"\n\r",
    b"\r\n\r\n",
    b"\r\n ",
    b"\r\n\t",
    b"  ",
    b", ",
    b" ,",
    b";",
    b";a",
    b"; a=b",
    b";a=\"b\"",
    b";a=\"\\\"\"",
    b"0x",
    b"+",
    b"-",
    b"chunked",
    b"0\r\n\r\n",
    b"1\r\nZ\r\n",
    b"http://other.example",
    b"%0d%0a",
    b"\xe2\x84\xaa", // a Kelvin sign, whose lower case is a k
];

/// Lines that change what a head means.
const LINES: [&[u8]; 36] = [
    b"Content-Length: 0\r\n",
    b"Content-Length: 5\r\n",
    b"Content-Length: 05\r\n",
    b"Content-Length: +5\r\n",
    b"Content-Length: 5, 5\r\n",
    b"Content-Length: 5 5\r\n",
    b"Content-Length:\r\n",
    b"Content-Length : 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: Chunked\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n",
    b"Transfer-Encoding: chunked, chunked\r\n",
    b"Transfer-Encoding: chunked, gzip\r\n",
    b"Transfer-Encoding: identity\r\n",
    b"Transfer-Encoding: ,chunked\r\n",
    b"Transfer-Encoding: chunked;a=b\r\n",
    b"Transfer-Encoding: xchunked\r\n",
    b"Transfer-Encoding:\r\n",
    b"Transfer-Encoding : chunked\r\n",
    b"Transfer_Encoding: chunked\r\n",
    b"Connection: close\r\n",
    b"Connection: keep-alive\r\n",
    b"Connection: keep-alive, close\r\n",
    b"Connection: closed\r\n",
    b"Connection: upgrade\r\nUpgrade: x\r\n",
    b"Upgrade: websocket\r\n",
    b"Expect: 100-continue\r\n",
    b"Expect: other\r\n",
    b"Host: other.example\r\n",
    b"Host:\r\n",
    b"Host: a b\r\n",
    b"Trailer: X-T\r\n",
    b"X-A: b\r\n",
    b"X-A: b\r\n c\r\n",
    b"X A: b\r\n",
    b": b\r\n",
];

/// Other numbers, for where one stands.
const NUMBERS: [&[u8]; 16] = [
    b"0",
    b"1",
    b"5",
    b"00",
    b"007",
    b"10",
    b"a",
    b"F",
    b"1e",
    b"0x5",
    b"00000000000000000005",
    b"0000000000000005",
    b"4294967296",
    b"10000000000000000",
    b"18446744073709551616",
    b"100000000000000005",
];

/// A request that shows where a parser takes the one before it to end.
const FOLLOWING: &[u8] = b"GET /following HTTP/1.1\r\nHost: following\r\n\r\n";

/// Makes the inputs of a batch.
pub struct Mutator<'s> {
    seeds: Vec<&'s [u8]>,
    /// Those that are no mistakes. Most vectors are: two mistakes show less than one.
    accepted: Vec<&'s [u8]>,
    random: Random,
}

impl<'s> Mutator<'s> {
    pub fn new(seeds: &'s [Vec<u8>], batch: u64) -> Self {
        let seeds: Vec<&[u8]> = seeds.iter().map(Vec::as_slice).collect();
        let is_accepted = |seed: &&[u8]| read(no_limits(), seed, &[]).refused.is_none();
        let accepted = seeds.iter().copied().filter(is_accepted).collect();
        Self { seeds, accepted, random: Random::new(batch) }
    }

    /// The next input, which is not empty.
    pub fn input(&mut self) -> Vec<u8> {
        let mut input = self.seed().to_vec();
        let mut changes = 1;
        while changes < 6 && self.random.once_in(2) {
            changes += 1;
        }
        for _ in 0..changes {
            self.change(&mut input);
        }
        if self.random.once_in(2) {
            input.extend_from_slice(FOLLOWING);
        }
        input.truncate(INPUT_BYTES_MAX);
        if input.is_empty() { FOLLOWING.to_vec() } else { input }
    }

    fn seed(&mut self) -> &'s [u8] {
        let seeds = if self.accepted.is_empty() || self.random.once_in(4) {
            &self.seeds
        } else {
            &self.accepted
        };
        let at = self.random.below(seeds.len());
        seeds[at]
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        match self.random.below(16) {
            0 | 1 => self.replace(input, 0),
            2 => self.replace(input, 1),
            3 => {
                let at = self.place(input);
                input.drain(at..(at + 1).min(input.len()));
            }
            4 | 5 => {
                let sequence = *self.random.pick(&SEQUENCES);
                let at = self.place(input);
                input.splice(at..at, sequence.iter().copied());
            }
            6 | 7 => self.change_lines(input),
            8 | 9 => {
                let line = *self.random.pick(&LINES);
                let at = self.line_start(input);
                input.splice(at..at, line.iter().copied());
            }
            10 | 11 => self.change_number(input),
            12 => self.change_case(input),
            13 => self.splice(input),
            14 => {
                input.extend_from_slice(self.seed());
            }
            _ => self.repeat_or_cut(input),
        }
    }

    /// Puts one byte in the place of `count` bytes.
    fn replace(&mut self, input: &mut Vec<u8>, count: usize) {
        let byte = *self.random.pick(BYTES);
        let at = self.place(input);
        input.splice(at..(at + count).min(input.len()), [byte]);
    }

    /// Removes, repeats or moves a line.
    fn change_lines(&mut self, input: &mut Vec<u8>) {
        let mut lines: Vec<Vec<u8>> =
            input.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
        if lines.is_empty() {
            return;
        }
        let from = self.random.below(lines.len());
        let to = self.random.below(lines.len());
        match self.random.below(4) {
            0 => drop(lines.remove(from)),
            1 => lines.insert(to, lines[from].clone()),
            2 => lines.swap(from, to),
            _ => {
                let line = lines.remove(from);
                lines.insert(to.min(lines.len()), line);
            }
        }
        *input = lines.concat();
    }

    /// Puts another number where digits stand: a length, a chunk's size, a version.
    fn change_number(&mut self, input: &mut Vec<u8>) {
        let starts: Vec<usize> = (0..input.len())
            .filter(|&at| {
                input[at].is_ascii_hexdigit()
                    && (at == 0 || matches!(input[at - 1], b' ' | b'\n' | b'.' | b','))
            })
            .collect();
        if starts.is_empty() {
            return;
        }
        let start = *self.random.pick(&starts);
        let digits = input[start..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let number = self.random.pick(&NUMBERS).to_vec();
        match self.random.below(4) {
            0 => input.splice(start..start, number),
            1 => input.splice(start + digits..start + digits, number),
            _ => input.splice(start..start + digits, number),
        };
    }

    /// Changes the case of a letter, or of a whole line.
    fn change_case(&mut self, input: &mut [u8]) {
        let start = if self.random.once_in(2) { self.place(input) } else { self.line_start(input) };
        let whole = self.random.once_in(2);
        for byte in input[start..].iter_mut().take_while(|byte| **byte != b'\n') {
            if byte.is_ascii_alphabetic() {
                *byte ^= 0x20;
                if !whole {
                    return;
                }
            }
        }
    }

    /// Joins the beginning of `input` with the end of another seed, at lines or anywhere.
    fn splice(&mut self, input: &mut Vec<u8>) {
        let other = self.seed();
        let (end, start) = if self.random.once_in(2) {
            (self.line_start(input), self.line_start(other))
        } else {
            (self.place(input), self.place(other))
        };
        input.truncate(end);
        input.extend_from_slice(&other[start..]);
    }

    /// Repeats a few bytes where they are, or ends the input.
    fn repeat_or_cut(&mut self, input: &mut Vec<u8>) {
        let at = self.place(input);
        if self.random.once_in(3) {
            input.truncate(at);
            return;
        }
        let end = (at + 1 + self.random.below(20)).min(input.len());
        let repeated = input[at..end].to_vec();
        input.splice(at..at, repeated);
    }

    /// A place in `input`: half of the time next to a separator.
    fn place(&mut self, input: &[u8]) -> usize {
        let at = self.random.below(input.len() + 1);
        if self.random.once_in(2) {
            return at;
        }
        let is_separator = |byte: &u8| b"\r\n:; ,=".contains(byte);
        let separator = input[at..].iter().position(is_separator).map_or(at, |offset| at + offset);
        (separator + self.random.below(2)).min(input.len())
    }

    /// Where a line starts, other than the first one if there is another.
    fn line_start(&mut self, input: &[u8]) -> usize {
        let starts: Vec<usize> = (1..=input.len()).filter(|&at| input[at - 1] == b'\n').collect();
        if starts.is_empty() { input.len() } else { *self.random.pick(&starts) }
    }
}
