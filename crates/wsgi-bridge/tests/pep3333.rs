//! PEP 3333, sentence by sentence, and what Waitress adds where it is silent.

mod support;

use support::Server;

#[test]
fn a_list_of_one_is_one_write_with_its_length() {
    let server = Server::new(
        r#"
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]
"#,
    );
    let response = server.get("/");
    assert_eq!(response.status(), "200 OK");
    assert_eq!(response.field("content-length").as_deref(), Some("5"));
    assert_eq!(response.body(), b"hello");
    assert_eq!(response.writes.len(), 1);
}
