//! Making, changing, deleting and finding notes.

use super::people::alice_and_bob;
use crate::{
    note::{MAX_TEXT_CHARS, MAX_TITLE_CHARS},
    store::MAX_NOTES,
};
use axum::{
    body::Body,
    http::{Request, header},
};
use serde_json::{Value, json};

fn path_of(note: &Value) -> String {
    format!("/{}", note["id"].as_str().unwrap())
}

fn deletion(note: &Value) -> String {
    format!("{}?version={}", path_of(note), note["version"])
}

#[tokio::test]
async fn a_note_is_made_changed_and_deleted() {
    let (_stage, alice, _) = alice_and_bob().await;
    let made = alice.write("Shopping", "milk").await;
    assert_eq!(alice.get(&path_of(&made)).await.assert_status(200).body, made);

    let change = json!({ "title": "Shopping", "text": "milk, bread", "version": made["version"] });
    let changed = alice.put(&path_of(&made), change).await.assert_status(200).body;
    assert_eq!(changed["text"], "milk, bread");
    assert!(changed["version"].as_i64() > made["version"].as_i64());
    assert_eq!(changed["id"], made["id"]);

    alice.delete(&deletion(&changed)).await.assert_status(204);
    alice.get(&path_of(&made)).await.assert_refusal(404, "not_found");
    alice.delete(&deletion(&changed)).await.assert_refusal(404, "not_found");
    assert!(alice.titles("").await.is_empty());
}

#[tokio::test]
async fn what_was_changed_last_comes_first() {
    let (_stage, alice, _) = alice_and_bob().await;
    let first = alice.write("First", "").await;
    alice.write("Second", "").await;
    assert_eq!(alice.titles("").await, ["Second", "First"]);
    let change = json!({ "title": "First again", "version": first["version"] });
    alice.put(&path_of(&first), change).await.assert_status(200);
    assert_eq!(alice.titles("").await, ["First again", "Second"]);
}

#[tokio::test]
async fn nobody_overwrites_what_they_have_not_seen() {
    let (_stage, alice, _) = alice_and_bob().await;
    let seen = alice.write("Plan", "one").await;
    let elsewhere = json!({ "title": "Plan", "text": "two", "version": seen["version"] });
    let now = alice.put(&path_of(&seen), elsewhere).await.assert_status(200).body;

    let late = json!({ "title": "Plan", "text": "three", "version": seen["version"] });
    alice.put(&path_of(&seen), late).await.assert_refusal(409, "conflict");
    alice.delete(&deletion(&seen)).await.assert_refusal(409, "conflict");
    assert_eq!(alice.get(&path_of(&seen)).await.body, now);
}

#[tokio::test]
async fn of_two_changes_at_once_one_is_refused() {
    let (_stage, alice, _) = alice_and_bob().await;
    let note = alice.write("Plan", "").await;
    let change = |text: &str| {
        let (alice, path) = (&alice, path_of(&note));
        let change = json!({ "title": "Plan", "text": text, "version": note["version"] });
        async move { alice.put(&path, change).await.status.as_u16() }
    };
    let (one, other) = tokio::join!(change("one"), change("other"));
    assert_eq!([one.min(other), one.max(other)], [200, 409]);
}

#[tokio::test]
async fn notes_are_their_owners_alone() {
    let (_stage, alice, bob) = alice_and_bob().await;
    let note = alice.write("Diary", "").await;
    bob.get(&path_of(&note)).await.assert_refusal(404, "not_found");
    let change = json!({ "title": "Mine", "version": note["version"] });
    bob.put(&path_of(&note), change).await.assert_refusal(404, "not_found");
    bob.delete(&deletion(&note)).await.assert_refusal(404, "not_found");
    assert!(bob.titles("").await.is_empty() && bob.titles("?q=diary").await.is_empty());
    assert_eq!(alice.titles("").await, ["Diary"]);
}

#[tokio::test]
async fn search_looks_for_the_very_text_in_any_case() {
    let (_stage, alice, _) = alice_and_bob().await;
    alice.write("Äpfel", "100% bio").await;
    alice.write("Pears", "100 grams_net\nÜBER").await;
    for (query, found) in [
        ("?q=", &["Pears", "Äpfel"][..]),
        ("?q=%20%20", &["Pears", "Äpfel"]),
        ("?q=100", &["Pears", "Äpfel"]),
        ("?q=100%25", &["Äpfel"]),
        ("?q=s_n", &["Pears"]),
        ("?q=%C3%A4PFEL", &["Äpfel"]),
        ("?q=%C3%BCber", &["Pears"]),
        ("?q=%27%20OR%201%3D1", &[]),
    ] {
        assert_eq!(alice.titles(query).await, found, "{query}");
    }
}

#[tokio::test]
async fn every_field_says_what_is_wrong_with_it() {
    let (_stage, alice, _) = alice_and_bob().await;
    let long = |chars: u32| "é".repeat(chars as usize);
    let (title, text) = (long(MAX_TITLE_CHARS), long(MAX_TEXT_CHARS));
    alice.write(&title, &text).await;
    for (title, text, problems) in [
        (" \t", "x", json!([{ "field": "title", "problem": "required" }])),
        ("a\u{7}b", "x", json!([{ "field": "title", "problem": "control_characters" }])),
        ("a", "x\0y", json!([{ "field": "text", "problem": "control_characters" }])),
        (
            &long(MAX_TITLE_CHARS + 1),
            &long(MAX_TEXT_CHARS + 1),
            json!([
                { "field": "title", "problem": { "too_long": { "max": MAX_TITLE_CHARS } } },
                { "field": "text", "problem": { "too_long": { "max": MAX_TEXT_CHARS } } },
            ]),
        ),
    ] {
        let refused = alice.post("/", json!({ "title": title, "text": text })).await;
        assert_eq!(refused.assert_refusal(422, "validation").body["detail"], problems);
    }
}

#[tokio::test]
async fn line_breaks_are_the_same_however_they_were_sent() {
    let (_stage, alice, _) = alice_and_bob().await;
    let note = alice.write("  List ", "one\r\n\ttwo\n\r\n").await;
    assert_eq!((&note["title"], &note["text"]), (&json!("List"), &json!("one\n\ttwo")));
}

#[tokio::test]
async fn there_is_an_end_to_the_room() {
    let (_stage, alice, bob) = alice_and_bob().await;
    for number in 0..MAX_NOTES {
        alice.write(&format!("Note {number}"), "").await;
    }
    let full = alice.post("/", json!({ "title": "One more" })).await.assert_refusal(409, "full");
    assert_eq!(full.body["detail"]["max"], MAX_NOTES);
    bob.write("Room enough", "").await;
    let list = alice.get("/").await.body;
    assert_eq!(list["revision"], MAX_NOTES, "what was refused counts for nothing");
    alice.delete(&deletion(&list["notes"][0])).await.assert_status(204);
    alice.write("One more", "").await;
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_in_the_same_words() {
    let (_stage, alice, _) = alice_and_bob().await;
    let post = async |content_type: &str, body: String| {
        let request = Request::post("/")
            .header(header::AUTHORIZATION, alice.authorization())
            .header(header::CONTENT_TYPE, content_type);
        alice.send(request.body(Body::from(body)).unwrap()).await
    };
    post("application/json", "{".to_owned()).await.assert_refusal(400, "bad_request");
    post("application/json", json!({ "title": 1 }).to_string()).await.assert_refusal(400, "bad_request");
    post("text/plain", json!({ "title": "a" }).to_string()).await.assert_refusal(415, "unsupported_media_type");
    let huge = json!({ "title": "a", "text": "x".repeat(100_000) }).to_string();
    post("application/json", huge).await.assert_refusal(413, "too_large");
    alice.put("/x", json!({ "title": "a" })).await.assert_refusal(400, "bad_request");
    alice.delete("/x?version=new").await.assert_refusal(400, "bad_request");
    alice.delete("/%ff?version=1").await.assert_refusal(404, "not_found");
    alice.delete("/").await.assert_refusal(405, "method_not_allowed");
    alice.get("/elsewhere").await.assert_refusal(404, "not_found");
}
