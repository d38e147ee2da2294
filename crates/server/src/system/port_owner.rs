//! Finds the process that listens on a TCP port, to name it beside "address already in use".
//!
//! Only Linux says it in files. Those of another user's processes are not readable, so the answer is
//! often that it is not known.

use std::net::SocketAddr;
#[cfg(target_os = "linux")]
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The maximum number of open files that are looked at.
#[cfg(target_os = "linux")]
const FILES_MAX: usize = 100_000;

/// `process 1234 (python3)`, if it is known who listens on the address.
#[cfg(target_os = "linux")]
#[expect(clippy::disallowed_methods, reason = "files of the kernel, not of settings")]
pub(crate) fn listening_process(address: SocketAddr) -> Option<String> {
    let inode = ["/proc/net/tcp", "/proc/net/tcp6"].into_iter().find_map(|table| {
        let table = std::fs::read_to_string(table).ok()?;
        table.lines().skip(1).find_map(|line| listener(line, address))
    })?;
    let link = format!("socket:[{inode}]");
    let mut files = 0;
    let processes = std::fs::read_dir("/proc").ok()?.flatten();
    for process in processes {
        let pid = process.file_name();
        let Some(pid) = pid.to_str().filter(|name| name.bytes().all(|b| b.is_ascii_digit())) else {
            continue;
        };
        let Ok(open) = std::fs::read_dir(process.path().join("fd")) else { continue };
        for file in open.flatten() {
            files += 1;
            if std::fs::read_link(file.path()).is_ok_and(|target| target.as_os_str() == &*link) {
                let name = std::fs::read_to_string(process.path().join("comm")).ok()?;
                return Some(format!("process {pid} ({})", name.trim().escape_debug()));
            }
        }
        if files > FILES_MAX {
            return None;
        }
    }
    None
}

/// Nothing is known elsewhere.
#[cfg(not(target_os = "linux"))]
pub(crate) fn listening_process(_address: SocketAddr) -> Option<String> {
    None
}

/// The inode of the socket in a line of `/proc/net/tcp`, if it keeps others from `address`.
#[cfg(target_os = "linux")]
fn listener(line: &str, address: SocketAddr) -> Option<u64> {
    const LISTENS: &str = "0A";
    let mut fields = line.split_whitespace();
    let (local, port) = fields.nth(1)?.split_once(':')?;
    let state = fields.nth(1)?;
    let inode = fields.nth(5)?;
    let is_same_port = u16::from_str_radix(port, 16).is_ok_and(|port| port == address.port());
    if state != LISTENS || !is_same_port {
        return None;
    }
    let local = of_words(local)?;
    let is_in_the_way =
        local == address.ip() || local.is_unspecified() || address.ip().is_unspecified();
    is_in_the_way.then(|| inode.parse().ok())?
}

/// The address of hexadecimal digits: words of four bytes, each in the byte order of the machine.
#[cfg(target_os = "linux")]
fn of_words(digits: &str) -> Option<IpAddr> {
    let mut bytes = Vec::with_capacity(16);
    for at in (0..digits.len()).step_by(8) {
        let word = u32::from_str_radix(digits.get(at..at + 8)?, 16).ok()?;
        bytes.extend(word.to_ne_bytes());
    }
    match <[u8; 4]>::try_from(bytes.as_slice()) {
        Ok(four) => Some(Ipv4Addr::from(four).into()),
        Err(_) => Some(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).to_canonical()),
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_listener_of_this_process_is_found_by_its_address() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(address) else { continue };
            let mut address = listener.local_addr().unwrap();
            let expected = format!("process {} (", std::process::id());
            let found = listening_process(address).unwrap();
            assert!(found.starts_with(&expected), "{found}");
            address.set_port(1);
            assert_eq!(listening_process(address), None);
        }
    }
}
