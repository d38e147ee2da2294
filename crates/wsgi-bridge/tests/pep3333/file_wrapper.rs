//! "Optional Platform-Specific File Handling".

use crate::support::{Response, Server};

/// Serves what the Python statements make of `wrapper` and `path`, a file with the ten digits.
fn served(setup: &str, returned: &str, headers: &str) -> (Response, Server) {
    let server = Server::new(&format!(
        r#"
import functools, gzip, io, os, tempfile, types
directory = tempfile.TemporaryDirectory()
path = os.path.join(directory.name, "digits")
with open(path, "wb") as file:
    file.write(b"0123456789")
opened = []
class Proxy:
    def __init__(self, file): self.file = file
    read = property(lambda self: self.file.read)
    fileno = property(lambda self: self.file.fileno)
    tell = property(lambda self: self.file.tell)
    seek = property(lambda self: self.file.seek)
    close = property(lambda self: self.file.close)
class OnlyRead:
    def __init__(self, file): self.file, self.closed = file, False
    def read(self, size): return self.file.read(size)
    def close(self): self.closed = True
def application(environ, start_response):
    wrapper = environ["wsgi.file_wrapper"]
    {setup}
    opened.append(file)
    start_response("200 OK", {headers})
    return {returned}
"#
    ));
    let response = server.get("/");
    assert_eq!(server.log.exceptions(), [""; 0], "{:?}", server.log.raised.lock().unwrap());
    (response, server)
}

#[track_caller]
fn check(setup: &str, from_file: u64, body: &[u8]) {
    let (response, server) = served(setup, "wrapper(file)", "[]");
    assert_eq!(response.body(), body, "{setup}");
    assert_eq!(response.field("content-length"), Some(body.len().to_string()), "{setup}");
    // Where the kernel does not send files they are read like any other iterable.
    assert_eq!(response.from_file, if cfg!(unix) { from_file } else { 0 }, "{setup}");
    assert!(server.evaluate::<bool>("opened[0].closed if hasattr(opened[0], 'closed') else True"));
}

#[test]
fn a_file_with_a_descriptor_is_sent_from_its_position_by_the_kernel() {
    check("file = open(path, 'rb')", 10, b"0123456789");
    check("file = open(path, 'rb', buffering=0)", 10, b"0123456789");
    check("file = open(path, 'r+b')", 10, b"0123456789");
    check("file = open(path, 'rb'); file.read(3)", 7, b"3456789");
    check("file = open(path, 'rb'); file.seek(8)", 2, b"89");
    check("file = Proxy(open(path, 'rb'))", 10, b"0123456789");
    check(
        "file = tempfile.NamedTemporaryFile(); file.write(b'abc'); file.flush(); file.seek(0)",
        3,
        b"abc",
    );
}

#[test]
fn an_empty_rest_is_an_empty_body() {
    check("file = open(path, 'rb'); file.seek(10)", 0, b"");
    check("file = open(path, 'rb'); file.seek(99)", 0, b"");
}

#[test]
fn a_descriptor_that_reading_does_not_mean_is_not_sent() {
    let setup = "
    with gzip.open(path + '.gz', 'wb') as file: file.write(b'plain')
    file = gzip.open(path + '.gz', 'rb')";
    check(setup, 0, b"plain");
    check("file = io.BytesIO(b'memory')", 0, b"memory");
    let setup = "
    class Upper(io.FileIO):
        def read(self, size=-1): return super().read(size).swapcase()
    with open(path, 'wb') as file: file.write(b'abc')
    file = Upper(path)";
    check(setup, 0, b"ABC");
    let setup = "
    class Loud(io.BufferedReader):
        def read(self, size=-1): return super().read(size).replace(b'9', b'!')
    file = Loud(io.FileIO(path))";
    check(setup, 0, b"012345678!");
    let setup = "
    class Loud(io.FileIO):
        def readinto(self, buffer):
            count = super().readinto(buffer)
            buffer[:count] = bytes(buffer[:count]).replace(b'9', b'!')
            return count
    file = io.BufferedReader(Loud(path))";
    check(setup, 0, b"012345678!");
    check(
        "file = tempfile.SpooledTemporaryFile(4); file.write(b'abcdef'); file.seek(1)",
        0,
        b"bcdef",
    );
}

#[test]
fn a_file_that_reads_in_another_way_is_read_in_that_way() {
    let replaced = [
        "file.read = types.MethodType(lambda self, size: plain(size).replace(b'9', b'!'), file)",
        "file.read = functools.wraps(plain)(lambda size: plain(size).replace(b'9', b'!'))",
    ];
    for replaced in replaced {
        for file in ["open(path, 'rb')", "tempfile.NamedTemporaryFile()"] {
            let setup = format!(
                "
    file = {file}
    if hasattr(file, 'file'): file.write(b'0123456789'); file.seek(0)
    plain = file.read
    {replaced}"
            );
            check(&setup, 0, b"012345678!");
        }
    }
    let lines = "
    class Lines:
        def __init__(self, file): self.read, self.fileno = file.readline, file.fileno
    file = Lines(open(path, 'rb'))";
    let (response, _) = served(lines, "wrapper(file, 4)", "[]");
    assert!(response.text().ends_with("4\r\n0123\r\n4\r\n4567\r\n2\r\n89\r\n0\r\n\r\n"));
}

#[test]
fn what_was_written_into_a_file_is_sent_with_it() {
    let check = |steps: &str, from_file, body| {
        check(&format!("file = open(path, 'r+b'); {steps}"), from_file, body);
        check(
            &format!("f = open(path, 'r+b'); {}; file = Proxy(f)", steps.replace("file.", "f.")),
            from_file,
            body,
        );
        let temporary =
            "file = tempfile.NamedTemporaryFile(); file.write(b'0123456789'); file.seek(0)";
        check(&format!("{temporary}; {steps}"), from_file, body);
    };
    check("file.read(4); file.seek(0); file.write(b'NEW'); file.seek(0)", 10, b"NEW3456789");
    check(
        "file.read(4); file.seek(-4, 1); file.write(b'NEW'); file.seek(-3, 1)",
        10,
        b"NEW3456789",
    );
    check("file.read(1); file.seek(2); file.write(b'NEW')", 5, b"56789");
    check("file.read(); file.write(b'more'); file.seek(8)", 6, b"89more");
    check("file.read(); file.write(b'more')", 0, b"");
}

#[test]
fn what_was_only_looked_at_is_sent() {
    check("file = open(path, 'rb'); file.read(3); file.peek()", 7, b"3456789");
    check("file = open(path, 'r+b'); file.read(3); file.peek()", 7, b"3456789");
}

#[test]
#[cfg(target_os = "linux")]
fn what_cannot_be_written_to_the_file_is_a_fault_and_the_old_bytes_are_not_sent() {
    let server = Server::new(
        r#"
import fcntl, os
F_ADD_SEALS, F_SEAL_WRITE = 1033, 8
def application(environ, start_response):
    descriptor = os.memfd_create("sealed", os.MFD_ALLOW_SEALING)
    os.write(descriptor, b"0123456789")
    file = open(descriptor, "r+b")
    file.seek(0)
    file.read(4)
    file.seek(0)
    file.write(b"NEW")
    fcntl.fcntl(descriptor, F_ADD_SEALS, F_SEAL_WRITE)
    start_response("200 OK", [])
    return environ["wsgi.file_wrapper"](file)
"#,
    );
    assert_eq!(server.get("/").status(), "500 Internal Server Error");
    let raised = ["iterate PermissionError", "close PermissionError"];
    assert_eq!(server.log.exceptions(), raised);
}

#[test]
fn a_file_that_cannot_be_read_is_a_fault() {
    for file in ["open(path, 'ab', buffering=0)", "open(path, 'ab')", "open(path)"] {
        let server = Server::new(&format!(
            r#"
import os, tempfile
directory = tempfile.TemporaryDirectory()
path = os.path.join(directory.name, "digits")
with open(path, "wb") as file: file.write(b"0123456789")
def application(environ, start_response):
    file = {file}
    file.seek(0)
    start_response("200 OK", [])
    return environ["wsgi.file_wrapper"](file)
"#
        ));
        assert_eq!(server.get("/").status(), "500 Internal Server Error", "{file}");
    }
}

#[test]
fn what_can_only_be_read_is_sent_in_blocks() {
    let (response, server) = served("file = OnlyRead(open(path, 'rb'))", "wrapper(file, 4)", "[]");
    assert!(
        response.text().ends_with("4\r\n0123\r\n4\r\n4567\r\n2\r\n89\r\n0\r\n\r\n"),
        "{}",
        response.text()
    );
    assert!(server.evaluate::<bool>("opened[0].closed"));
}

#[test]
fn a_declared_length_is_corrected_down_and_a_shorter_one_is_kept() {
    for file in ["open(path, 'rb')", "io.BytesIO(b'0123456789')"] {
        let setup = format!("file = {file}");
        for (declared, sent) in [("99", "0123456789"), ("4", "0123"), ("0", "")] {
            let headers = format!("[('Content-Length', '{declared}'), ('A', 'b')]");
            let (response, _) = served(&setup, "wrapper(file)", &headers);
            assert_eq!(response.body_text(), sent, "{file} {declared}");
            assert_eq!(response.field("content-length"), Some(sent.len().to_string()));
            assert_eq!(response.field("a").as_deref(), Some("b"));
        }
    }
}

#[test]
fn a_wrapper_that_middleware_wraps_is_iterated() {
    let (response, server) =
        served("file = open(path, 'rb')", "map(bytes.swapcase, wrapper(file, 5))", "[]");
    assert!(response.text().ends_with("5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n"));
    assert_eq!(response.from_file, 0);
    // Nobody could close it through map(): that is the middleware's mistake.
    assert!(!server.evaluate::<bool>("opened[0].closed"));
}

#[test]
fn middleware_can_use_the_file_through_the_wrapper() {
    let (response, _) = served(
        "file = open(path, 'rb'); w = wrapper(file, block_size=7)",
        "[repr((w.seekable(), w.seek(3), w.tell(), w.read(2), w.block_size, next(w), hasattr(w, 'getvalue'))).encode()]",
        "[]",
    );
    assert_eq!(response.body_text(), "(True, 3, 3, b'34', 7, b'56789', False)");
}

#[test]
fn a_file_after_a_write_follows_it() {
    let server = Server::new(
        r#"
import tempfile
def application(environ, start_response):
    file = tempfile.TemporaryFile()
    file.write(b"file")
    file.seek(0)
    start_response("200 OK", [("Content-Length", "8")])(b"head")
    return environ["wsgi.file_wrapper"](file)
"#,
    );
    let response = server.get("/");
    assert_eq!(response.body(), b"headfile");
    assert_eq!(response.from_file, 0);
}

#[test]
fn a_text_file_is_a_fault() {
    let server = Server::new(
        r#"
import io
def application(environ, start_response):
    start_response("200 OK", [])
    return environ["wsgi.file_wrapper"](io.StringIO("text"))
"#,
    );
    assert_eq!(server.get("/").status(), "500 Internal Server Error");
}

#[test]
fn a_pipe_is_sent_in_blocks() {
    let (response, _) = served(
        "r, w = os.pipe(); os.write(w, b'through'); os.close(w); file = open(r, 'rb')",
        "wrapper(file)",
        "[]",
    );
    assert!(response.text().ends_with("7\r\nthrough\r\n0\r\n\r\n"), "{}", response.text());
}

#[test]
#[cfg(target_os = "linux")]
fn what_says_that_it_is_empty_is_read_all_the_same() {
    let (response, _) = served("file = open('/proc/self/comm', 'rb')", "wrapper(file)", "[]");
    assert!(response.text().contains("Transfer-Encoding: chunked"), "{}", response.text());
    assert!(!response.text().ends_with("\r\n\r\n0\r\n\r\n"), "{}", response.text());
    let declared = "[('Content-Length', '3')]";
    let (response, _) = served("file = open('/dev/zero', 'rb')", "wrapper(file)", declared);
    assert_eq!(response.body(), b"\0\0\0");
    check("open(path, 'wb').close(); file = open(path, 'rb')", 0, b"");
}

#[test]
fn a_file_that_cannot_seek_though_it_has_the_method_is_sent_in_blocks() {
    let setup = "
    class Once(io.BytesIO):
        seekable = None
        def __getattribute__(self, name):
            if name == 'seekable': raise AttributeError(name)
            return super().__getattribute__(name)
        def seek(self, *where): raise io.UnsupportedOperation('seek')
    file = Once(b'once')";
    let (response, _) = served(setup, "wrapper(file)", "[]");
    assert!(response.text().ends_with("4\r\nonce\r\n0\r\n\r\n"), "{}", response.text());
}

#[test]
fn a_class_derived_from_the_wrapper_is_iterated_its_own_way() {
    let setup = "
    class Loud(wrapper):
        def __next__(self): return super().__next__().upper()
    file = io.BytesIO(b'quiet')";
    let (response, server) = served(setup, "Loud(file)", "[('Content-Length', '5')]");
    assert_eq!(response.body(), b"QUIET");
    assert!(server.evaluate::<bool>("opened[0].closed"));
}

#[test]
fn a_file_whose_seek_is_another_one_is_sent_in_blocks() {
    for methods in [
        "def seek(self, position): raise TypeError('one argument')",
        "def seek(self, *where): raise NotImplementedError",
        "def seek(self, *where): raise ValueError('not here')",
        "def tell(self): raise RuntimeError('nobody knows')",
        "def tell(self): return None",
        "def tell(self): return -1",
        "def seekable(self): raise RuntimeError('nobody knows')",
        "seek = None",
    ] {
        let setup = format!(
            "
    class Odd(io.BytesIO):
        {methods}
    file = Odd(b'odd')"
        );
        let (response, _) = served(&setup, "wrapper(file)", "[]");
        assert!(
            response.text().ends_with("3\r\nodd\r\n0\r\n\r\n"),
            "{methods}: {}",
            response.text()
        );
    }
}

#[test]
fn a_file_may_give_bytes_like_blocks() {
    for block in ["bytearray", "memoryview"] {
        let setup = format!(
            "
    class Odd:
        def __init__(self): self.file = io.BytesIO(b'0123456789')
        def read(self, size): return {block}(self.file.read(size))
    file = Odd()"
        );
        let declared = "[('Content-Length', '10')]";
        let (response, _) = served(&setup, "wrapper(file, 3)", declared);
        assert_eq!(response.body(), b"0123456789", "{block}");
    }
}
