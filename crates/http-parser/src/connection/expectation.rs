//! `Expect: 100-continue` (RFC 9110 §10.1.1).
//!
//! The body of a request whose turn has come is always wanted: it is read whole before the
//! application is called, and a body that is not wanted has been refused by then. So the interim
//! response leaves as soon as the head is accepted, even if the body is already here, because some
//! clients wait for it in any case. Where there is no body, nobody waits, and the head says so.

use crate::message::RequestHead;

/// Appends `100 Continue` where the client waits for it.
pub(super) fn answer(head: &RequestHead, out: &mut Vec<u8>) {
    if head.expects_continue() {
        out.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
    }
}
