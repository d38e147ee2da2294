//! Errors of the system in messages for people.

/// What the system says, in lower case and without its number: `permission denied`.
pub fn in_words(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut characters = text.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}

#[cfg(test)]
mod tests {
    use std::io::Error;

    use super::*;

    #[test]
    fn an_error_is_told_without_its_number() {
        assert_eq!(in_words(&Error::other("Is full (os error 28)")), "is full");
        assert_eq!(in_words(&Error::other("")), "");
    }
}
