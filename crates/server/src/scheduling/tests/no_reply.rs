//! The reply of a request that nobody answers.

use std::sync::Weak;

use maitred_http_parser::exchange::{Chunk, FileBody, Flow, Presence, Reply};
use maitred_http_parser::fault::ApplicationFault;
use maitred_http_parser::message::ResponseHead;

/// Takes everything, and does nothing.
pub(super) struct NoReply;

impl Reply for NoReply {
    fn head(&mut self, _: ResponseHead) {}

    fn chunk(&mut self, _: Chunk<'_>) -> Flow {
        Flow::Continue
    }

    fn wait(&mut self) -> Flow {
        Flow::Continue
    }

    fn file(&mut self, _: FileBody) -> Flow {
        Flow::Continue
    }

    fn finish(&mut self, _: Chunk<'_>) -> Flow {
        Flow::Continue
    }

    fn fail(&mut self, _: ApplicationFault) {}

    fn presence(&self) -> Weak<dyn Presence> {
        panic!("no application asks")
    }
}
