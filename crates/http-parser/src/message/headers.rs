//! What a field name and a field value may be made of (RFC 9110 §5.1, §5.5, §5.6.2), and how the
//! list-valued ones are read.

use super::byte_set::ByteSet;

static TOKEN: ByteSet = ByteSet::new(b"!#$%&'*+-.^_`|~").with_letters_and_digits();

/// Whether `byte` may stand in a token (RFC 9110 §5.6.2): a method, a field name, a coding.
pub fn is_token_byte(byte: u8) -> bool {
    TOKEN.contains(byte)
}

/// Whether `bytes` is a token: not empty, and nothing but token characters.
pub fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&byte| is_token_byte(byte))
}

/// Whether every byte may stand in a field value. All are looked at, even after a wrong one: that
/// way many are looked at in one step.
pub fn is_value(bytes: &[u8]) -> bool {
    bytes.iter().fold(true, |all, &byte| all & is_value_byte(byte))
}

/// Whether `byte` may stand in a field value: HTAB, SP, visible ASCII and obs-text.
pub const fn is_value_byte(byte: u8) -> bool {
    matches!(byte, b'\t' | 0x20..=0x7e | 0x80..=0xff)
}

/// `bytes` without the optional white space around it: SP and HTAB, and nothing else. What a
/// language's own `strip` takes off (U+00A0, U+0085, form feeds) has smuggled requests before.
pub fn trim_ows(bytes: &[u8]) -> &[u8] {
    let Some(first) = bytes.iter().position(|byte| !matches!(byte, b' ' | b'\t')) else {
        return &[];
    };
    let last = bytes.iter().rposition(|byte| !matches!(byte, b' ' | b'\t')).unwrap_or(first);
    bytes.get(first..=last).unwrap_or_default()
}

/// The members of a comma-separated list (RFC 9110 §5.6.1), trimmed; empty ones are left out, as
/// §5.6.1.2 has it.
pub fn list_members(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(trim_ows).filter(|member| !member.is_empty())
}
