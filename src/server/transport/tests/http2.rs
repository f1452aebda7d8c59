//! HTTP/2 with prior knowledge, frame by frame (RFC 9113).

use super::*;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0x0;
const HEADERS: u8 = 0x1;
const RST_STREAM: u8 = 0x3;
const SETTINGS: u8 = 0x4;
const GOAWAY: u8 = 0x7;
const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
/// The SETTINGS parameter for the initial flow-control window of each stream (RFC 9113 §6.5.2).
const INITIAL_WINDOW_SIZE: u8 = 0x4;

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags, 0, 0, 0, stream];
    frame.extend_from_slice(payload);
    frame
}

fn get_request(stream: u8, path: &str) -> Vec<u8> {
    const GET: u8 = 0x82;
    request(GET, END_STREAM | END_HEADERS, stream, path)
}

/// The head of a POST; the body follows.
fn post_request(stream: u8, path: &str) -> Vec<u8> {
    const POST: u8 = 0x83;
    request(POST, END_HEADERS, stream, path)
}

/// A request with a short path, from the static table of HPACK and literals (RFC 7541).
fn request(method: u8, flags: u8, stream: u8, path: &str) -> Vec<u8> {
    let mut fields = vec![method, 0x86, 0x01, 1, b'a', 0x04, u8::try_from(path.len()).unwrap()];
    fields.extend_from_slice(path.as_bytes());
    frame(HEADERS, flags, stream, &fields)
}

impl Client {
    async fn begin_http2(&mut self, window: u32) {
        let mut bytes = PREFACE.to_vec();
        let mut parameter = vec![0, INITIAL_WINDOW_SIZE];
        parameter.extend_from_slice(&window.to_be_bytes());
        bytes.extend(frame(SETTINGS, 0, 0, &parameter));
        self.0.write_all(&bytes).await.unwrap();
    }

    /// The next frame of this kind, or nothing if the connection ends before.
    async fn frame(&mut self, wanted: u8) -> Option<Vec<u8>> {
        loop {
            let mut head = [0; 9];
            let read = tokio::time::timeout(PATIENCE, self.0.read_exact(&mut head)).await.expect("a frame or the end");
            read.ok()?;
            let mut payload = vec![0; usize::from(head[1]) * 256 + usize::from(head[2])];
            self.0.read_exact(&mut payload).await.ok()?;
            if head[3] == wanted {
                return Some(payload);
            }
        }
    }
}

#[tokio::test]
async fn http2_is_served_too() {
    let server = Server::start(patient()).await;
    let mut client = server.connect().await;
    client.begin_http2(65_535).await;
    client.0.write_all(&get_request(1, "/")).await.unwrap();
    assert_eq!(client.frame(HEADERS).await.unwrap()[0], 0x88, ":status 200");
    let local = client.0.local_addr().unwrap().to_string();
    assert_eq!(client.frame(DATA).await.unwrap(), local.as_bytes());
}

#[tokio::test]
async fn idle_time_ends_with_goaway() {
    let settings = ServeSettings { header_timeout: SHORT, idle_timeout: SHORT, ..patient() };
    let server = Server::start(settings).await;
    let mut client = server.connect().await;
    client.begin_http2(65_535).await;
    client.0.write_all(&get_request(1, "/")).await.unwrap();
    client.frame(DATA).await.unwrap();
    assert!(client.frame(GOAWAY).await.is_some());
    assert!(client.frame(HEADERS).await.is_none(), "and then the end");
}

#[tokio::test]
async fn a_client_without_a_request_is_dropped() {
    let server = Server::start(ServeSettings { header_timeout: SHORT, ..patient() }).await;
    let mut client = server.connect().await;
    client.begin_http2(65_535).await;
    assert!(client.frame(HEADERS).await.is_none());
}

#[tokio::test]
async fn an_unread_stream_is_dropped() {
    let mut server = Server::start(ServeSettings { write_timeout: SHORT, ..patient() }).await;
    let mut client = server.connect().await;
    client.begin_http2(1).await;
    client.0.write_all(&get_request(1, "/endless")).await.unwrap();
    assert_eq!(server.event().await, "dropped");
}

#[tokio::test]
async fn one_unread_response_does_not_block_the_others() {
    const CANCEL: u32 = 8;
    let mut server = Server::start(ServeSettings { write_timeout: SHORT, ..patient() }).await;
    let mut client = server.connect().await;
    client.begin_http2(4).await;
    client.0.write_all(&get_request(1, "/wait")).await.unwrap();
    assert_eq!(server.event().await, "waiting");
    client.0.write_all(&get_request(3, "/endless")).await.unwrap();
    assert_eq!(client.frame(RST_STREAM).await.unwrap(), CANCEL.to_be_bytes());
    assert_eq!(server.event().await, "dropped");
    server.release.notify_one();
    assert_eq!(client.frame(DATA).await.unwrap(), b"done");
}

#[tokio::test]
async fn unread_uploads_do_not_block_others() {
    let mut server = Server::start(patient()).await;
    let mut client = server.connect().await;
    client.begin_http2(65_535).await;
    let held = (1..=9).step_by(2);
    for stream in held {
        client.0.write_all(&post_request(stream, "/hold")).await.unwrap();
        assert_eq!(server.event().await, "holding");
        // As much as a client that has not acknowledged our settings may send on a stream unread.
        for bytes in [16_384, 16_384, 16_384, 16_383] {
            client.0.write_all(&frame(DATA, 0, stream, &vec![b'x'; bytes])).await.unwrap();
        }
    }
    client.0.write_all(&post_request(11, "/read")).await.unwrap();
    client.0.write_all(&frame(DATA, END_STREAM, 11, b"abc")).await.unwrap();
    assert_eq!(client.frame(DATA).await.expect("a response"), b"3 bytes");
}

#[tokio::test]
async fn a_response_behind_a_closed_window_times_out() {
    // The whole response is handed over, but only a byte of it may be sent.
    let settings = ServeSettings { header_timeout: SHORT, idle_timeout: SHORT, ..patient() };
    let server = Server::start(settings).await;
    let mut client = server.connect().await;
    client.begin_http2(1).await;
    client.0.write_all(&get_request(1, "/")).await.unwrap();
    assert_eq!(client.frame(DATA).await.unwrap().len(), 1);
    assert!(client.frame(HEADERS).await.is_none());
}

#[tokio::test]
async fn a_flood_of_reset_streams_ends_the_connection() {
    let server = Server::start(patient()).await;
    let mut client = server.connect().await;
    client.begin_http2(65_535).await;
    let mut flood = Vec::new();
    for stream in (1..=251).step_by(2) {
        flood.extend(get_request(stream, "/wait"));
        flood.extend(frame(RST_STREAM, 0, stream, &8u32.to_be_bytes()));
    }
    let _ = client.0.write_all(&flood).await;
    let goaway = client.frame(GOAWAY).await.expect("GOAWAY");
    assert_eq!(goaway[4..8], 11u32.to_be_bytes(), "ENHANCE_YOUR_CALM");
}

#[tokio::test]
async fn a_request_in_flight_outlives_the_goaway() {
    let mut server = Server::start(patient()).await;
    let mut client = server.connect().await;
    client.begin_http2(65_535).await;
    client.0.write_all(&get_request(1, "/wait")).await.unwrap();
    server.event().await;
    server.stop.send_replace(Stop::Gracefully);
    assert!(client.frame(GOAWAY).await.is_some());
    server.release.notify_one();
    assert_eq!(client.frame(DATA).await.unwrap(), b"done");
    // The client closes after GOAWAY.
    drop(client);
    assert_eq!(server.ended().await, Ended::Gracefully);
}
