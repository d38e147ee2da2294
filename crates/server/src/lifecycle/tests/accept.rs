//! A connection that has been accepted when accepting ends.

use std::future::Future as _;
use std::net::TcpStream;
use std::task::{Context, Waker};

use maitred_config::{Endpoint, HostName, Port, Settings};
use socket2::SockRef;

use super::*;
use crate::connection::descriptors::ClientDescriptors;
use crate::connection::policy::Policy;
use crate::connection::request_id::RequestIds;
use crate::connection::shared::{Answers, Shared};
use crate::connection::temp_files::TempFiles;
use crate::listen::{ListenAddress, Listeners};
use crate::system::clock::Clock;
use crate::system::tcp_info;

fn settings() -> Settings {
    let mut settings = Settings::default();
    let host = HostName::Name("127.0.0.1".into());
    settings.network.listen = vec![Endpoint::Tcp { host, port: Port::Number(0) }];
    settings
}

/// A frontend that has no room for any connection.
fn frontend(settings: &Settings) -> Arc<Frontend> {
    let clock = Arc::new(Clock::standing());
    let shared = Shared {
        policy: Arc::new(Policy::new(settings)),
        request_ids: RequestIds::new(clock.wall()),
        clock,
        answers: Answers::AtOnce(Box::new(|_| {})),
        temp_files: TempFiles::unlimited(None),
        descriptors: Arc::new(ClientDescriptors::unlimited()),
        telemetry: Arc::new(Telemetry::new(settings)),
        siblings: None,
    };
    Arc::new(Frontend::new(Arc::new(shared), 0, AtLimit::CloseIdle))
}

#[test]
fn a_connection_that_waits_for_others_to_leave_is_admitted_when_accepting_ends() {
    let settings = settings();
    let mut listeners = Listeners::bind(&settings).unwrap();
    listeners.listen(&settings).unwrap();
    let Some(&ListenAddress::Tcp(address)) = listeners.addresses().next() else { panic!() };
    let frontend = frontend(&settings);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let acceptor = Arc::new(Acceptor::register(&listeners.entries[0]).unwrap());
        let mut accepting = Box::pin(run(Arc::clone(&frontend), Arc::clone(&acceptor), 0));
        let _client = TcpStream::connect(address).unwrap();
        let socket = &listeners.entries[0].socket;
        while tcp_info::backlog(&SockRef::from(socket)).unwrap().waiting > 0 {
            let polled = accepting.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(polled.is_pending());
            tokio::task::yield_now().await;
        }
        let series = "maitred_connections_rejected_total{worker=\"0\",reason=\"limit\"} 1\n";
        let is_answered = || frontend.shared.telemetry.scrape().contains(series);
        assert!(!is_answered(), "it waits");
        drop(accepting);
        assert!(is_answered());
    });
}
