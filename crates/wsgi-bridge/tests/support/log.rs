//! A log that records its messages.

use std::sync::Mutex;

use maitred_wsgi_bridge::log::{ErrorLines, Level, Log, Raised};

/// What has been logged.
#[derive(Default)]
pub struct Recorded {
    pub raised: Mutex<Vec<Exception>>,
    pub written: Mutex<Vec<String>>,
    pub noted: Mutex<Vec<String>>,
}

#[derive(Clone, Debug)]
pub struct Exception {
    pub stage: &'static str,
    pub request: String,
    pub exception: String,
    pub traceback: String,
}

impl Recorded {
    /// The only exception that was logged.
    pub fn exception(&self) -> Exception {
        let raised = self.raised.lock().unwrap();
        assert_eq!(raised.len(), 1, "{raised:?}");
        raised[0].clone()
    }

    pub fn exceptions(&self) -> Vec<String> {
        let raised = self.raised.lock().unwrap();
        raised.iter().map(|raised| format!("{} {}", raised.stage, raised.exception)).collect()
    }

    pub fn lines(&self) -> Vec<String> {
        let written = self.written.lock().unwrap();
        written.iter().flat_map(|text| text.split('\n')).map(str::to_owned).collect()
    }
}

impl ErrorLines for Recorded {
    fn written(&self, text: &str) {
        self.written.lock().unwrap().push(text.to_owned());
    }

    fn flush(&self) {}
}

impl Log for Recorded {
    fn raised(&self, raised: &Raised<'_>) {
        let target = String::from_utf8_lossy(raised.head.target());
        self.raised.lock().unwrap().push(Exception {
            stage: raised.stage.as_str(),
            request: format!("{} {target}", raised.head.method()),
            exception: raised.exception.to_owned(),
            traceback: raised.traceback.to_owned(),
        });
    }

    fn noted(&self, level: Level, text: &str) {
        self.noted.lock().unwrap().push(format!("{level:?}: {text}"));
    }
}
