//! `Expect: 100-continue` (RFC 9110 §10.1.1).
//!
//! The interim response is sent as soon as the head is accepted, because the body is always read
//! before the application is called; a body that is too large has been rejected by then. It is sent
//! even if the body has already arrived, because some clients wait for it in any case. It is not
//! sent if there is no body: `expects_continue` is false then.

use crate::message::RequestHead;

/// Appends `100 Continue` if the client waits for it.
pub(super) fn answer(head: &RequestHead, out: &mut Vec<u8>) {
    if head.expects_continue() {
        out.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
    }
}
