//! Tests of PEP 3333, sentence by sentence, and of what Waitress adds.

#[path = "../support/mod.rs"]
mod support;

mod body;
mod environ;
mod faults;
mod file_wrapper;
mod load;
mod logged_environ;
mod sent_files;
mod start_response;
mod streams;
