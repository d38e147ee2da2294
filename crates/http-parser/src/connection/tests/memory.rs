//! Tests of the memory of a connection.

use super::*;

#[test]
fn an_idle_connection_holds_nothing_beside_itself() {
    let mut scene = Scene::new();
    assert_eq!(scene.connection.held_bytes(), 0);
    let body = "x".repeat(5000);
    let long = format!("POST /{body} HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n{body}");
    for piece in long.as_bytes().chunks(7) {
        scene.sends(piece);
    }
    scene.sends(get("/ahead"));
    scene.answers("x");
    assert_eq!(scene.reads_pipelined(), ["/ahead"]);
    scene.answers("x");
    assert_eq!(scene.phase(), Phase::Idle);
    assert_eq!(scene.connection.held_bytes(), 0);
}

#[test]
fn a_connection_itself_is_a_few_hundred_bytes() {
    assert!(size_of::<Connection>() <= 512, "{} bytes", size_of::<Connection>());
}

#[test]
fn an_incomplete_head_is_held_once() {
    let mut scene = Scene::new();
    let head = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "x".repeat(100_000));
    for piece in head.as_bytes().chunks(1000) {
        scene.sends(piece);
    }
    assert!(scene.connection.held_bytes() >= head.len());
    assert!(scene.connection.held_bytes() <= 3 * head.len(), "{}", scene.connection.held_bytes());
}

#[test]
fn an_ended_connection_lets_go_of_what_it_held() {
    let mut scene = Scene::new();
    scene.sends(get("/1") + &get("/2"));
    assert!(scene.connection.held_bytes() > 0);
    scene.connection.end(Ending::Close);
    assert_eq!(scene.connection.held_bytes(), 0);
    scene.sends(get("/3"));
    assert_eq!(scene.connection.held_bytes(), 0);
}
