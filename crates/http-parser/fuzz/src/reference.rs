//! A second parser: slow, obvious, and written from the RFCs without a look at the first one. It
//! sees all bytes at once, copies what it likes, and shares not a line with the real one.

use super::{Reading, Request};

/// Why reading stops.
enum Stop {
    /// More bytes are needed.
    Incomplete,
    /// The client is refused with this status.
    Refused(u16),
}

const BAD: Stop = Stop::Refused(400);
const BODY_BYTES_MAX: u128 = 1024 * 1024 * 1024;

/// Reads a whole stream, without limits but that of a body.
pub fn read(input: &[u8]) -> Reading {
    let mut reading = Reading::default();
    let mut rest = input;
    loop {
        match read_request(&mut rest, &mut reading.requests) {
            Ok(()) => {}
            Err(Stop::Incomplete) => return reading,
            Err(Stop::Refused(status)) => {
                reading.refused = Some(status);
                return reading;
            }
        }
    }
}

/// RFC 9112 §2.1: `start-line CRLF *( field-line CRLF ) CRLF [ message-body ]`.
fn read_request(rest: &mut &[u8], requests: &mut Vec<Request>) -> Result<(), Stop> {
    for _ in 0..4 {
        *rest = rest.strip_prefix(b"\r\n").unwrap_or(rest);
    }
    let line = read_line(rest)?;
    let mut request = request_line(&line)?;
    loop {
        let line = read_line(rest)?;
        if line.is_empty() {
            break;
        }
        request.fields.push(field_line(&line)?);
    }
    once(&mut request)?;
    let hosts = named(&request, "host");
    if hosts.len() > 1 || (hosts.is_empty() && request.is_1_1) || !hosts.iter().all(|it| host(it)) {
        return Err(BAD);
    }
    let framing = framing(&request)?;
    expectation(&request)?;
    if let Some(authority) = authority(&request.target) {
        match request.fields.iter_mut().find(|(name, _)| name.eq_ignore_ascii_case(b"host")) {
            Some((_, value)) => *value = authority,
            None => request.fields.push((b"Host".to_vec(), authority)),
        }
    }
    requests.push(request);
    let request = requests.last_mut().expect("it was pushed");
    match framing {
        Framing::Length(length) => {
            let come = length.min(rest.len());
            request.body.extend_from_slice(&rest[..come]);
            *rest = &rest[come..];
            if come < length {
                return Err(Stop::Incomplete);
            }
        }
        Framing::Chunked => read_chunks(rest, &mut request.body)?,
    }
    request.complete = true;
    Ok(())
}

/// Up to CRLF; a CR or LF on its own is refused.
fn read_line(rest: &mut &[u8]) -> Result<Vec<u8>, Stop> {
    for at in 0..rest.len() {
        match (rest[at], rest.get(at + 1)) {
            (b'\r', Some(b'\n')) => {
                let line = rest[..at].to_vec();
                *rest = &rest[at + 2..];
                return Ok(line);
            }
            (b'\r', None) => return Err(Stop::Incomplete),
            (b'\r' | b'\n', _) => return Err(BAD),
            _ => {}
        }
    }
    Err(Stop::Incomplete)
}

/// RFC 9112 §3.
fn request_line(line: &[u8]) -> Result<Request, Stop> {
    let parts: Vec<&[u8]> = line.split(|&byte| byte == b' ').collect();
    let [method, target, version] = parts[..] else { return Err(BAD) };
    if !token(method) {
        return Err(BAD);
    }
    let is_1_1 = match version {
        b"HTTP/1.1" => true,
        b"HTTP/1.0" => false,
        _ if version.len() == 8
            && version.starts_with(b"HTTP/")
            && version[5].is_ascii_digit()
            && version[6] == b'.'
            && version[7].is_ascii_digit() =>
        {
            return Err(Stop::Refused(505));
        }
        _ => return Err(BAD),
    };
    if method == b"CONNECT" {
        return Err(Stop::Refused(501));
    }
    if target.iter().any(|&byte| byte <= b' ' || byte >= 0x7f || byte == b'#') {
        return Err(BAD);
    }
    let asterisk = target == b"*" && method == b"OPTIONS";
    if !target.starts_with(b"/") && !asterisk {
        let authority = authority(target).ok_or(BAD)?;
        if authority.starts_with(b":") || authority.is_empty() || !host(&authority) {
            return Err(BAD);
        }
    }
    Ok(Request { method: method.to_vec(), target: target.to_vec(), is_1_1, ..Request::default() })
}

/// The authority of an absolute-form target.
fn authority(target: &[u8]) -> Option<Vec<u8>> {
    let text = String::from_utf8_lossy(target).into_owned();
    let lower = text.to_ascii_lowercase();
    let length = ["http://", "https://"].iter().find(|it| lower.starts_with(**it))?.len();
    let rest = &text[length..];
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    Some(rest.as_bytes()[..end].to_vec())
}

/// RFC 9112 §5: `field-name ":" OWS field-value OWS`.
fn field_line(line: &[u8]) -> Result<(Vec<u8>, Vec<u8>), Stop> {
    let colon = line.iter().position(|&byte| byte == b':').ok_or(BAD)?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    let control = |byte: &u8| (*byte < b' ' && *byte != b'\t') || *byte == 0x7f;
    if !token(name) || value.iter().any(control) {
        return Err(BAD);
    }
    Ok((name.to_vec(), trim(value)))
}

enum Framing {
    Length(usize),
    Chunked,
}

/// RFC 9112 §6.3.
fn framing(request: &Request) -> Result<Framing, Stop> {
    let lengths = named(request, "content-length");
    let codings = named(request, "transfer-encoding");
    if codings.is_empty() {
        return match &lengths[..] {
            [] => Ok(Framing::Length(0)),
            [one] if !one.is_empty() && one.iter().all(u8::is_ascii_digit) => {
                let digits: String = one.iter().map(|&byte| char::from(byte)).collect();
                let digits = digits.trim_start_matches('0');
                if digits.len() > 20 {
                    return Err(Stop::Refused(413));
                }
                let number: u128 =
                    if digits.is_empty() { 0 } else { digits.parse().expect("digits") };
                if number > BODY_BYTES_MAX {
                    return Err(Stop::Refused(413));
                }
                if one.len() > 100 {
                    return Err(BAD);
                }
                Ok(Framing::Length(number as usize))
            }
            _ => Err(BAD),
        };
    }
    if !lengths.is_empty() || !request.is_1_1 {
        return Err(BAD);
    }
    let members: Vec<Vec<u8>> = members(&codings);
    let chunked = members.iter().filter(|it| it.eq_ignore_ascii_case(b"chunked")).count();
    if members.is_empty() || members.iter().any(|it| !token(it)) {
        return Err(BAD);
    }
    match (chunked, members.len()) {
        (1, 1) => Ok(Framing::Chunked),
        (2.., both) if both == chunked => Err(BAD),
        _ => Err(Stop::Refused(501)),
    }
}

/// RFC 9110 §5.3: a field that is no list has one value.
fn once(request: &mut Request) -> Result<(), Stop> {
    let credentials = ["authorization", "proxy-authorization"];
    let content = ["content-type", "content-range", "content-location", "content-disposition"];
    let conditions = ["if-range", "if-modified-since", "if-unmodified-since", "range"];
    let context = ["from", "referer", "user-agent", "origin", "date", "max-forwards"];
    for name in [&credentials[..], &content, &conditions, &context].concat() {
        let values = named(request, name);
        if values.iter().any(|value| *value != values[0]) {
            return Err(BAD);
        }
        let mut is_first = true;
        request.fields.retain(|(other, _)| {
            !other.eq_ignore_ascii_case(name.as_bytes()) || std::mem::take(&mut is_first)
        });
    }
    Ok(())
}

/// RFC 9110 §10.1.1.
fn expectation(request: &Request) -> Result<(), Stop> {
    let unknown = members(&named(request, "expect"))
        .iter()
        .any(|it| !it.eq_ignore_ascii_case(b"100-continue"));
    if unknown && request.is_1_1 { Err(Stop::Refused(417)) } else { Ok(()) }
}

/// RFC 9112 §7.1.
fn read_chunks(rest: &mut &[u8], body: &mut Vec<u8>) -> Result<(), Stop> {
    loop {
        // A chunk line is judged byte by byte by the real one, so what is wrong in an incomplete
        // line is refused there already; the target allows for that.
        let line = read_line(rest)?;
        let size = chunk_line(&line)?;
        if size == 0 {
            break;
        }
        if body.len() as u128 + size > BODY_BYTES_MAX {
            return Err(Stop::Refused(413));
        }
        let size = size as usize;
        let come = size.min(rest.len());
        body.extend_from_slice(&rest[..come]);
        *rest = &rest[come..];
        match (come == size, &rest[..]) {
            (false, _) | (true, [] | [b'\r']) => return Err(Stop::Incomplete),
            (true, [b'\r', b'\n', ..]) => *rest = &rest[2..],
            (true, _) => return Err(BAD),
        }
    }
    loop {
        let line = read_line(rest)?;
        if line.is_empty() {
            return Ok(());
        }
        let (name, _) = field_line(&line)?;
        if forbidden(&String::from_utf8_lossy(&name).to_ascii_lowercase()) {
            return Err(BAD);
        }
    }
}

/// RFC 9110 §6.5.1: framing and routing.
fn forbidden(name: &str) -> bool {
    let framing =
        ["content-length", "transfer-encoding", "trailer", "te", "connection", "keep-alive"];
    let routing = ["host", "max-forwards", "via", "forwarded", "upgrade", "proxy-connection"];
    name.starts_with("x-forwarded-") || framing.contains(&name) || routing.contains(&name)
}

/// `1*HEXDIG *( BWS ";" BWS token [ BWS "=" BWS ( token / quoted-string ) ] )`.
fn chunk_line(line: &[u8]) -> Result<u128, Stop> {
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    if digits == 0 || digits > 16 {
        return Err(BAD);
    }
    let text: String = line[..digits].iter().map(|&byte| char::from(byte)).collect();
    let size = u128::from_str_radix(&text, 16).expect("hexadecimal digits");
    let mut rest = &line[digits..];
    while !rest.is_empty() {
        rest = skip(rest);
        rest = rest.strip_prefix(b";").ok_or(BAD)?;
        rest = take_token(skip(rest)).ok_or(BAD)?;
        if let Some(value) = skip(rest).strip_prefix(b"=") {
            let value = skip(value);
            rest = match value.strip_prefix(b"\"") {
                Some(quoted) => take_quoted(quoted).ok_or(BAD)?,
                None => take_token(value).ok_or(BAD)?,
            };
        }
    }
    Ok(size)
}

fn skip(bytes: &[u8]) -> &[u8] {
    let spaces = bytes.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    &bytes[spaces..]
}

fn take_token(bytes: &[u8]) -> Option<&[u8]> {
    let length = (0..bytes.len()).find(|&at| !token(&bytes[at..=at])).unwrap_or(bytes.len());
    (length > 0).then(|| &bytes[length..])
}

fn take_quoted(mut bytes: &[u8]) -> Option<&[u8]> {
    let text = |byte: u8| byte == b'\t' || (byte >= b' ' && byte != 0x7f);
    loop {
        bytes = match bytes {
            [b'"', rest @ ..] => return Some(rest),
            [b'\\', escaped, rest @ ..] if text(*escaped) => rest,
            [b'\\', ..] => return None,
            [byte, rest @ ..] if text(*byte) => rest,
            _ => return None,
        };
    }
}

/// RFC 9110 §7.2, RFC 3986 §3.2.2.
fn host(value: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(value) else { return false };
    let (name, port) = match text.rfind(']') {
        Some(end) => (&text[..=end], &text[end + 1..]),
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let port_fits = port.is_empty()
        || port.strip_prefix(':').is_some_and(|it| it.bytes().all(|byte| byte.is_ascii_digit()));
    let plain =
        |it: &str| it.chars().all(|c| c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=".contains(c));
    let name_fits = match name.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
        Some(literal) => match literal.strip_prefix(['v', 'V']) {
            Some(future) => future.split_once('.').is_some_and(|(version, address)| {
                !version.is_empty()
                    && version.chars().all(|c| c.is_ascii_hexdigit())
                    && !address.is_empty()
                    && plain(&address.replace(':', ""))
            }),
            None => literal.parse::<std::net::Ipv6Addr>().is_ok(),
        },
        None => {
            let mut pieces = name.split('%');
            plain(pieces.next().unwrap_or_default())
                && pieces.all(|it| {
                    it.len() >= 2
                        && it.is_char_boundary(2)
                        && it[..2].chars().all(|c| c.is_ascii_hexdigit())
                        && plain(&it[2..])
                })
        }
    };
    port_fits && name_fits
}

fn named(request: &Request, name: &str) -> Vec<Vec<u8>> {
    let wanted = |it: &&(Vec<u8>, Vec<u8>)| it.0.eq_ignore_ascii_case(name.as_bytes());
    request.fields.iter().filter(wanted).map(|(_, value)| value.clone()).collect()
}

fn members(values: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let all = values.join(&b","[..]);
    all.split(|&byte| byte == b',').map(trim).filter(|it| !it.is_empty()).collect()
}

fn trim(value: &[u8]) -> Vec<u8> {
    let mut value = value.to_vec();
    while matches!(value.last(), Some(b' ' | b'\t')) {
        value.pop();
    }
    while matches!(value.first(), Some(b' ' | b'\t')) {
        value.remove(0);
    }
    value
}

fn token(bytes: &[u8]) -> bool {
    let separators = b"\"(),/:;<=>?@[\\]{}";
    let fits = |byte: &u8| *byte > b' ' && *byte < 0x7f && !separators.contains(byte);
    !bytes.is_empty() && bytes.iter().all(fits)
}
