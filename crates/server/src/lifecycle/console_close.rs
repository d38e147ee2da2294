//! Drains the server when its console closes on Windows, as SIGTERM does elsewhere.
//!
//! When the window is closed or the system shuts down, Windows sends a console program an event,
//! and ends the program as soon as its handler returns, or after a system timeout of some seconds.
//! So the handler never returns: it waits until the process has drained and exits. Logoff events
//! do not drain, because services receive them for every user.
//!
//! Ctrl-C and Ctrl-Break are not handled here, because Python turns them into signals.

use std::io;

use crate::lifecycle::running::Running;

impl Running {
    /// Drains when the console closes or the system shuts down. Only for a server that owns the
    /// process, because other handlers of these events are no longer called. Does nothing on systems
    /// without such events, where signals serve the purpose.
    ///
    /// # Errors
    /// The handlers cannot be installed.
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
