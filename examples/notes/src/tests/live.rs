//! Changes, as soon as they have happened.

use super::{
    issuer::{Issuer, SigningKey, claims},
    people::{Stage, alice_and_bob},
};
use crate::feed::MAX_STREAMS;
use jsonwebtoken::get_current_timestamp;
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_change_is_told_to_all_pages_of_its_owner() {
    let (_stage, alice, bob) = alice_and_bob().await;
    let mut here = alice.listen().await.unwrap();
    let mut there = alice.listen().await.unwrap();
    let mut at_bobs = bob.listen().await.unwrap();
    assert_eq!((here.next().await, there.next().await, at_bobs.next().await), (Some(0), Some(0), Some(0)));
    assert!(here.is_silent().await, "there is nothing more to tell yet");

    let note = alice.write("Plan", "").await;
    assert_eq!((here.next().await, there.next().await), (Some(1), Some(1)));
    let path = format!("/{}", note["id"].as_str().unwrap());
    alice.put(&path, json!({ "title": "Other plan", "version": 1 })).await.assert_status(200);
    assert_eq!(here.next().await, Some(2));
    alice.delete(&format!("{path}?version=2")).await.assert_status(204);
    assert_eq!((here.next().await, there.next().await), (Some(3), Some(3)), "several changes may be told as one");
    assert!(at_bobs.is_silent().await);
}

#[tokio::test]
async fn what_was_refused_is_not_told() {
    let (_stage, alice, _) = alice_and_bob().await;
    let mut stream = alice.listen().await.unwrap();
    assert_eq!(stream.next().await, Some(0));
    alice.post("/", json!({ "title": "" })).await.assert_status(422);
    alice.put("/none", json!({ "title": "a", "version": 1 })).await.assert_status(404);
    assert!(stream.is_silent().await);
    alice.write("Plan", "").await;
    assert_eq!(stream.next().await, Some(1));
}

#[tokio::test]
async fn whoever_was_away_is_told_at_once_where_the_notes_stand() {
    let (_stage, alice, _) = alice_and_bob().await;
    alice.write("One", "").await;
    drop(alice.listen().await.unwrap());
    alice.write("Two", "").await;
    let mut stream = alice.listen().await.unwrap();
    assert_eq!(stream.next().await, Some(2));
    assert!(stream.is_silent().await);
}

#[tokio::test]
async fn a_stream_ends_with_the_token_it_was_opened_with() {
    let key = SigningKey::new("key");
    let stage = Stage::new(&Issuer::with(&[&key]).await, Duration::ZERO).await;
    let mut soon_over = claims("alice");
    soon_over["exp"] = json!(get_current_timestamp() + 2);
    let alice = stage.holder_of(key.sign(&key.header(), &soon_over));
    let mut stream = alice.listen().await.unwrap();
    assert_eq!((stream.next().await, stream.next().await), (Some(0), None));
}

#[tokio::test]
async fn streams_end_when_the_service_stops() {
    let (stage, alice, _) = alice_and_bob().await;
    let mut stream = alice.listen().await.unwrap();
    stage.feed.close();
    assert_eq!((stream.next().await, stream.next().await), (Some(0), None));
    alice.listen().await.err().unwrap().assert_refusal(503, "unavailable");
}

#[tokio::test]
async fn nobody_listens_without_end() {
    let (_stage, alice, bob) = alice_and_bob().await;
    let mut streams = Vec::new();
    for _ in 0..MAX_STREAMS {
        streams.push(alice.listen().await.unwrap());
    }
    alice.listen().await.err().unwrap().assert_refusal(429, "too_many_streams");
    bob.listen().await.unwrap();
    streams.pop();
    let mut another = alice.listen().await.unwrap();
    assert_eq!(another.next().await, Some(0));
    alice.write("Plan", "").await;
    assert_eq!(another.next().await, Some(1));
}
