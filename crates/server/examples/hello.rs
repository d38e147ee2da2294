//! The server without Python: what everything but the application costs.
//!
//! `cargo run --release -p maitred-server --example hello -- PORT`

use std::sync::Arc;
use std::time::Duration;

use maitred_config::{Endpoint, HostName, Port, Settings};
use maitred_http_parser::exchange::{
    Application, Chunk, Exchanges, StackUnavailable, StartError, Wake, Worker,
};
use maitred_http_parser::message::ResponseHead;
use maitred_server::{Listeners, Server, Telemetry};

struct Hello;

struct Thread(std::thread::JoinHandle<()>);

impl Application for Hello {
    fn start_worker(
        &self,
        name: &str,
        exchanges: Arc<dyn Exchanges>,
    ) -> Result<Box<dyn Worker>, StartError> {
        let work = move || {
            loop {
                match exchanges.try_next() {
                    Some(mut exchange) => {
                        let mut head = ResponseHead::new(b"200 OK").expect("a valid status");
                        head.push(b"Content-Type", b"text/plain").expect("a valid field");
                        head.push(b"Content-Length", b"13").expect("a valid field");
                        exchange.reply.head(head);
                        let _ = exchange.reply.finish(Chunk::Borrowed(b"Hello, World!"));
                    }
                    None if exchanges.wait() == Wake::Closed => return,
                    None => {}
                }
            }
        };
        let spawned = std::thread::Builder::new().name(name.into()).spawn(work);
        spawned
            .map(|thread| Box::new(Thread(thread)) as Box<dyn Worker>)
            .map_err(|error| StartError { name: name.into(), reason: error.to_string() })
    }
}

impl Worker for Thread {
    fn is_finished(&self) -> bool {
        self.0.is_finished()
    }

    fn stack(&self, _patience: Duration) -> Result<String, StackUnavailable> {
        Err(StackUnavailable::NotRunning)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = std::env::args().nth(1).map_or(Ok(8080), |port| port.parse())?;
    let host = HostName::Name("127.0.0.1".into());
    let settings = Settings::default().with(|settings| {
        settings.network.listen = vec![Endpoint::Tcp { host, port: Port::Number(port) }];
        settings.limits.connections = 20_000;
    });
    let listeners = Listeners::bind(&settings)?;
    let telemetry = Arc::new(Telemetry::new(&settings));
    let server = Server::new(Arc::new(settings), listeners, Arc::new(Hello), telemetry);
    server.start()?.wait();
    Ok(())
}
