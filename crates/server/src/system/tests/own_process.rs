//! Runs a test in a process of its own: beside the tests of other threads, it could see their children,
//! which have its descriptors for a while as well.

use std::process::Command;

/// Says to this program that it runs one test.
const ALONE: &str = "MAITRED_TEST_IS_ALONE";

/// Whether this process runs nothing but this test. If not, one has been started that does, and has
/// passed.
pub(crate) fn is_own() -> bool {
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let name = std::thread::current().name().expect("tests have names").to_owned();
    let mut command = Command::new(std::env::current_exe().unwrap());
    let command = command.args(["--exact", &name, "--nocapture"]).env(ALONE, "yes");
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{output:?}");
    false
}
