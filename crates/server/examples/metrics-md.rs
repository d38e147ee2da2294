//! Writes `docs/metrics.md` from the declaration of the metrics.

fn main() -> std::io::Result<()> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md");
    std::fs::write(path, maitred_server::telemetry::families::page())
}
