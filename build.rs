//! Sets `cfg(lazy_pages)` if the pages can be loaded on demand.
//!
//! Code that is to be split off calls imports that only `cargo leptos … --split` provides; a browser refuses a build
//! that has them without it. Such a build is recognized by the relocations that splitting works on. The server always
//! takes part: it names the split files in the page's head, if there are any.

#![expect(clippy::disallowed_methods, reason = "cargo passes a build script its parameters in variables")]

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(lazy_pages)");
    let set = |variable, part: &str| env::var(variable).is_ok_and(|value| value.contains(part));
    let is_for_browser = set("CARGO_CFG_TARGET_FAMILY", "wasm");
    let will_be_split = set("CARGO_ENCODED_RUSTFLAGS", "--emit-relocs");
    if !is_for_browser || will_be_split {
        println!("cargo::rustc-cfg=lazy_pages");
    }
}
