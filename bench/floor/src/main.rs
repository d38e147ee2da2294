//! The floor under a WSGI server: the answers of the benchmark's applications, without Python.
//!
//! One thread, epoll, a parser that looks for the few fields that the scenarios need, and ready
//! answers. Its CPU time per request is what the kernel and reading a head cost at the least, so
//! the rest of a server's time is what that server adds. It is no server: it trusts its client.

mod answers;
mod connection;
mod request;
mod system;

use std::collections::HashMap;
use std::io;
use std::net::TcpListener;
use std::os::fd::{AsRawFd, RawFd};

use answers::Answers;
use connection::{Connection, Next, Scratch};
use system::{Epoll, Interest};

fn main() -> io::Result<()> {
    let Some(port) = std::env::args().nth(1).and_then(|argument| argument.parse().ok()) else {
        return Err(io::Error::other("usage: bench-floor PORT"));
    };
    let listener = listen(port)?;
    let answers = Answers::new()?;
    let epoll = Epoll::new()?;
    epoll.add(listener.as_raw_fd(), Interest::Read)?;
    let mut connections: HashMap<RawFd, Connection> = HashMap::new();
    let mut events = Epoll::room();
    let mut scratch = Scratch::new();
    loop {
        for ready in epoll.wait(&mut events)? {
            if ready == listener.as_raw_fd() {
                while let Some(stream) = system::accept(&listener) {
                    epoll.add(stream.as_raw_fd(), Interest::Read)?;
                    connections.insert(stream.as_raw_fd(), Connection::new(stream));
                }
                continue;
            }
            let Some(connection) = connections.get_mut(&ready) else { continue };
            match connection.turn(&answers, &mut scratch) {
                Next::Unchanged => {}
                Next::WaitFor(interest) => epoll.change(ready, interest)?,
                // Closing takes it out of epoll's set too.
                Next::Close => drop(connections.remove(&ready)),
            }
        }
    }
}

/// std's own backlog of 128 is too short for thousands of connections at once.
fn listen(port: u16) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    listener.set_nonblocking(true)?;
    system::set_backlog(&listener, 4096)?;
    Ok(listener)
}
