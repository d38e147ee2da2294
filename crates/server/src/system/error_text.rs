//! Formats operating system errors for messages.

use std::io::{Error, ErrorKind};

/// The text of a system error as part of a sentence: in lower case, without the error number, and
/// without the full stop that Windows adds. Example: `permission denied`.
pub fn describe(error: &Error) -> String {
    if error.kind() == ErrorKind::AddrInUse && error.raw_os_error().is_some() {
        // The text on Windows is a lengthy explanation of sockets.
        return "address already in use".to_owned();
    }
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default().trim_end_matches('.');
    let mut rest = text.chars();
    match (rest.next(), rest.clone().next()) {
        // Two capitals are the beginning of a name.
        (Some(_), Some(second)) if second.is_uppercase() => text.to_owned(),
        (Some(first), _) => first.to_lowercase().chain(rest).collect(),
        (None, _) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn an_error_is_told_as_a_part_of_a_sentence() {
        assert_eq!(describe(&Error::other("Is full (os error 28)")), "is full");
        assert_eq!(describe(&Error::other("Is not valid. (os error 10049)")), "is not valid");
        assert_eq!(describe(&Error::other("OS Error 10013")), "OS Error 10013");
        assert_eq!(describe(&Error::other("")), "");
    }

    #[test]
    fn an_address_in_use_is_called_the_same_on_every_system() {
        let first = TcpListener::bind("127.0.0.1:0").unwrap();
        let second = TcpListener::bind(first.local_addr().unwrap()).unwrap_err();
        assert_eq!(describe(&second), "address already in use");
        let own = Error::new(ErrorKind::AddrInUse, "another server listens there");
        assert_eq!(describe(&own), "another server listens there");
    }
}
