//! The characters of field names and values (RFC 9110 §5.1, §5.5, §5.6.2), and the parsing of
//! lists.

use super::byte_set::ByteSet;

static TOKEN: ByteSet = ByteSet::new(b"!#$%&'*+-.^_`|~").with_letters_and_digits();

/// Whether `byte` may be part of a token (RFC 9110 §5.6.2): a method, a field name, a coding.
pub fn is_token_byte(byte: u8) -> bool {
    TOKEN.contains(byte)
}

/// Whether `bytes` is a token: not empty, and only token characters. Like the next, it does not stop at
/// the first invalid byte, because nearly all are valid.
pub(crate) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().fold(true, |all, &byte| all & is_token_byte(byte))
}

/// Whether the token `name` is `lower`, in any case. A field name is known to be a token, so that a bit
/// makes no difference but that of the case, and the compiler compares a known length in a few steps.
pub(crate) fn is_name<const N: usize>(name: &[u8], lower: &[u8; N]) -> bool {
    <&[u8; N]>::try_from(name).is_ok_and(|name| {
        name.iter().zip(lower).fold(true, |all, (byte, lower)| all & (byte | 0x20 == *lower))
    })
}

/// Whether every byte may be part of a field value. The compiler can vectorise it.
pub(crate) fn is_value(bytes: &[u8]) -> bool {
    bytes.iter().fold(true, |all, &byte| all & is_value_byte(byte))
}

/// Whether `byte` may be part of a field value: HTAB, SP, visible ASCII and obs-text.
pub const fn is_value_byte(byte: u8) -> bool {
    matches!(byte, b'\t' | 0x20..=0x7e | 0x80..=0xff)
}

/// `bytes` without surrounding optional white space (SP and HTAB only). A generic `strip` also
/// removes U+00A0, U+0085 or form feeds, which has led to request smuggling.
pub fn trim_ows(bytes: &[u8]) -> &[u8] {
    let Some(first) = bytes.iter().position(|byte| !matches!(byte, b' ' | b'\t')) else {
        return &[];
    };
    let last = bytes.iter().rposition(|byte| !matches!(byte, b' ' | b'\t')).unwrap_or(first);
    bytes.get(first..=last).unwrap_or_default()
}

/// The members of a comma-separated list (RFC 9110 §5.6.1), trimmed; empty ones are skipped
/// (§5.6.1.2).
pub(crate) fn list_members(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(trim_ows).filter(|member| !member.is_empty())
}
