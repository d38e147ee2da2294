//! The end of a console on Windows, which drains as SIGTERM does elsewhere.
//!
//! When its window is closed, or the system shuts down, a console program is told by an event, and
//! ended as soon as it has handled it, at the latest after some seconds that the system sets. So
//! the event is never answered: its handler waits until the process has drained and ends by
//! itself. That a user logs off is no reason to stop: services are told of everybody who does.
//!
//! Ctrl-C and Ctrl-Break are not handled here, because Python makes signals of them.

use std::io;

use crate::running::Running;

impl Running {
    /// Drains when the console closes or the system shuts down. For whoever owns the process: the
    /// handlers of other parts of the program are not asked any more. Does nothing on systems
    /// without such events, where signals say the same.
    ///
    /// # Errors
    /// The system refuses to tell us.
    pub fn drain_on_console_close(&self) -> io::Result<()> {
        #[cfg(windows)]
        {
            use tokio::signal::windows::{ctrl_close, ctrl_shutdown};

            let (mut close, mut shutdown) = (ctrl_close()?, ctrl_shutdown()?);
            let running = self.clone();
            self.spawn(async move {
                let what = std::future::poll_fn(|cx| {
                    if close.poll_recv(cx).is_ready() {
                        return std::task::Poll::Ready("the console closes");
                    }
                    shutdown.poll_recv(cx).map(|_| "the system shuts down")
                })
                .await;
                tracing::info!("{what}: draining");
                running.drain();
            });
        }
        Ok(())
    }
}
