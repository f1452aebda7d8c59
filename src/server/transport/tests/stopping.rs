//! Stopping: which connections are closed, which are waited for, and for how long.

use super::*;

const WAIT: &str = "GET /wait HTTP/1.1\r\nhost: a\r\n\r\n";

#[tokio::test]
async fn requests_in_flight_get_their_response() {
    let mut server = Server::start(patient()).await;
    let mut client = server.connect().await;
    client.send(WAIT).await;
    assert_eq!(server.event().await, "waiting");
    assert!(server.readiness.is_ready());

    server.stop.send_replace(Stop::Gracefully);
    while server.readiness.is_ready() {
        tokio::task::yield_now().await;
    }
    // The listener closes with the end of the (here empty) drain delay.
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!server.task.is_finished());
    server.release.notify_one();
    let (text, _) = client.read_to_end().await;
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.contains("connection: close\r\n"), "{text}");
    assert!(text.ends_with("done"));
    assert_eq!(server.ended().await, Ended::Gracefully);
}

#[tokio::test]
async fn idle_connections_are_closed() {
    let server = Server::start(patient()).await;
    let (mut idle, mut silent) = (server.connect().await, server.connect().await);
    idle.send(GET).await;
    idle.response().await;
    server.stop.send_replace(Stop::Gracefully);
    assert_eq!(idle.read_to_end().await.0, "");
    assert_eq!(silent.read_to_end().await.0, "");
    assert_eq!(server.ended().await, Ended::Gracefully);
}

#[tokio::test]
async fn requests_are_served_while_load_balancers_switch() {
    let server = Server::start(ServeSettings { drain_delay: SHORT * 2, ..patient() }).await;
    let mut old = server.connect().await;
    old.send(GET).await;
    assert!(!old.response().await.contains("connection: close"));

    server.stop.send_replace(Stop::Gracefully);
    while server.readiness.is_ready() {
        tokio::task::yield_now().await;
    }
    let mut new = server.connect().await;
    for client in [&mut old, &mut new] {
        client.send(GET).await;
        let (text, _) = client.read_to_end().await;
        assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.contains("connection: close\r\n"), "{text}");
    }
    assert_eq!(server.ended().await, Ended::Gracefully);
}

#[tokio::test]
async fn endless_responses_are_notified_of_the_end() {
    let server = Server::start(ServeSettings { drain_delay: SHORT, ..patient() }).await;
    let mut client = server.connect().await;
    client.send("GET /until_closing HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let begun = Instant::now();
    server.stop.send_replace(Stop::Gracefully);
    assert!(client.read_to_end().await.0.ends_with("closing"));
    assert!(begun.elapsed() >= SHORT, "not while requests are still served");
    assert_eq!(server.ended().await, Ended::Gracefully);
}

#[tokio::test]
async fn upgraded_connections_count() {
    const UPGRADE: &str = "GET /upgrade HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n";
    for (shutdown_timeout, expected) in [(LONG, Ended::Gracefully), (SHORT, Ended::CutOff { connections: 1 })] {
        let server = Server::start(ServeSettings { shutdown_timeout, ..patient() }).await;
        let mut client = server.connect().await;
        client.send(UPGRADE).await;
        let mut head = [0; 32];
        client.0.read_exact(&mut head).await.unwrap();
        assert!(head.starts_with(b"HTTP/1.1 101 "));
        server.stop.send_replace(Stop::Gracefully);
        tokio::time::sleep(SHORT / 5).await;
        assert!(!server.task.is_finished(), "its task still holds it");
        if expected == Ended::Gracefully {
            server.release.notify_one();
        }
        assert_eq!(server.ended().await, expected);
    }
}

#[tokio::test]
async fn no_connection_is_waited_for_longer_than_the_limit() {
    let mut server = Server::start(ServeSettings { shutdown_timeout: SHORT, ..patient() }).await;
    let mut client = server.connect().await;
    client.send(WAIT).await;
    server.event().await;
    server.stop.send_replace(Stop::Gracefully);
    assert_eq!(client.read_to_end().await.0, "");
    assert_eq!(server.ended().await, Ended::CutOff { connections: 1 });
}

#[tokio::test]
async fn the_second_signal_stops_at_once() {
    let mut server = Server::start(ServeSettings { drain_delay: LONG, ..patient() }).await;
    let mut client = server.connect().await;
    client.send(WAIT).await;
    server.event().await;
    server.stop.send_replace(Stop::Gracefully);
    tokio::time::sleep(SHORT / 10).await;
    assert!(!server.task.is_finished());
    server.stop.send_replace(Stop::AtOnce);
    assert_eq!(client.read_to_end().await.0, "");
    assert_eq!(server.ended().await, Ended::CutOff { connections: 1 });
}

#[tokio::test]
async fn without_a_stop_sender_the_server_keeps_running() {
    let server = Server::start(patient()).await;
    let mut client = server.connect().await;
    let Server { stop, task, .. } = server;
    drop(stop);
    client.send(GET).await;
    assert!(client.response().await.starts_with("HTTP/1.1 200 OK"));
    assert!(!task.is_finished());
}
