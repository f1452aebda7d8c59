#!/usr/bin/env bash
# serde_qs 0.15 drops each None from a list, so that later elements move up, and reads an empty string as None.
#
# Tried:     serde_qs 0.15.0, which server_fn 0.8 (Leptos 0.8) uses for its default form encoding, and 1.1.3, the next
#            line: each writes a value and reads it back; serde_urlencoded 0.7.1 reads what the two wrote, too.
# Seen:      0.15.0: [None, Some("b")] is written as v[1]=b and read as [Some("b")]: the element has moved to the front.
#            Some("") becomes None. Neither is an error; only an empty list is ("missing field"). 1.1.3 keeps all of
#            them; it writes None as a bare "name", which serde_urlencoded reads as Some("").
# Expected:  The value that was written, or an error. The documentation of serde_qs says that below the top level all
#            supported types can be serialized and deserialized, and that indices make an ordered sequence; a query string
#            has a way to write an empty value, and the index of the second element is in the string that was written.
#            The lost elements are issue 81 of samscott89/serde_qs, open since 0.12; the documentation has neither.
# For you:   Arguments of a server function (and of anything on serde_qs) that are lists of options shift silently, and
#            "cleared" is the same as "not given" for an optional text field. Give list elements a value of their own for
#            "none", and mark lists as default. Do not let one version, or one crate, read what the other wrote.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "probe"
version = "0.0.0"
edition = "2021"

[dependencies]
old = { package = "serde_qs", version = "=0.15.0" }
new = { package = "serde_qs", version = "=1.1.3" }
serde = { version = "1", features = ["derive"] }
serde_urlencoded = "=0.7.1"
TOML
cat > src/main.rs <<'RUST'
use serde::{de::DeserializeOwned, Deserialize, Serialize};
use std::fmt::{Debug, Display};

#[derive(Serialize, Deserialize, Debug)]
struct List {
    v: Vec<Option<String>>,
}

#[derive(Serialize, Deserialize, Debug)]
struct Text {
    name: Option<String>,
}

fn shown<T: Debug, E: Display>(read: Result<T, E>) -> String {
    read.map_or_else(|error| format!("error: {error}"), |value| format!("{value:?}"))
}

fn through<T: Serialize + DeserializeOwned + Debug>(value: &T) {
    let old = old::to_string(value).expect("written");
    println!("0.15.0: {value:?} -> {old:?} -> {}", shown(old::from_str::<T>(&old)));
    let new = new::to_string(value).expect("written");
    println!("1.1.3:  {value:?} -> {new:?} -> {}", shown(new::from_str::<T>(&new)));
}

fn main() {
    through(&List { v: vec![None, Some("b".into())] });
    through(&List { v: vec![Some("a".into()), None, Some("c".into())] });
    through(&List { v: vec![] });
    through(&Text { name: Some(String::new()) });
    through(&Text { name: None });
    println!("serde_urlencoded: \"name\" -> {}", shown(serde_urlencoded::from_str::<Text>("name")));
}
RUST
seen=$(CARGO_TARGET_DIR="$work/target" cargo run --quiet)
echo "$seen"

cat > expected <<'TXT'
0.15.0: List { v: [None, Some("b")] } -> "v[1]=b" -> List { v: [Some("b")] }
1.1.3:  List { v: [None, Some("b")] } -> "v[0]&v[1]=b" -> List { v: [None, Some("b")] }
0.15.0: List { v: [Some("a"), None, Some("c")] } -> "v[0]=a&v[2]=c" -> List { v: [Some("a"), Some("c")] }
1.1.3:  List { v: [Some("a"), None, Some("c")] } -> "v[0]=a&v[1]&v[2]=c" -> List { v: [Some("a"), None, Some("c")] }
0.15.0: List { v: [] } -> "" -> error: missing field `v`
1.1.3:  List { v: [] } -> "v=" -> List { v: [] }
0.15.0: Text { name: Some("") } -> "name=" -> Text { name: None }
1.1.3:  Text { name: Some("") } -> "name=" -> Text { name: Some("") }
0.15.0: Text { name: None } -> "" -> Text { name: None }
1.1.3:  Text { name: None } -> "name" -> Text { name: None }
serde_urlencoded: "name" -> Text { name: Some("") }
TXT
diff expected <(echo "$seen") || { echo "the behaviour has changed" >&2; exit 1; }
