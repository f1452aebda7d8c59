//! The application over HTTP: the real router on a real store, driven by browsers with real cookie jars, and a clock
//! that is moved.
//!
//! Which file answers which question:
//!
//! - Who may use which path? `access`, `pages`, `privacy`. From another site? `csrf`. As another user? `other_user`.
//! - How does a session begin? `sign_in`, `sign_up`. How does it go on? `refresh`, `cookie_states`, `access_tokens`,
//!   `forgeries`. How does it end, and who sees that? `sessions`, `reuse_notice`.
//! - What holds without JavaScript? `forms`. Where may a response lead? `redirects`.
//! - What is on the head of every response? `headers`. What is refused for size, rate or form? `limits`, `smuggling`.
//! - What happens while the store is down? `outage`. With several servers on one database? `instances`.
//! - What do upstreams get, and what do pages get from them? `gateway`, `notes`.
//! - What can a registered client do? `token_service`, `introspection`, `revocation`, `published_keys`.
//! - What happens when keys change? `signing_keys`, `master_secret`. What is never disclosed? `secrets`.
//!
//! `support` has the actors: [`support::TestApp`], [`support::Browser`], an OAuth client, a watched store.

#![cfg(feature = "ssr")]

mod access;
mod access_tokens;
mod cookie_states;
mod csrf;
mod forgeries;
mod forms;
mod gateway;
mod headers;
mod instances;
mod introspection;
mod limits;
mod master_secret;
mod notes;
mod other_user;
mod outage;
mod pages;
mod privacy;
mod published_keys;
mod redirects;
mod refresh;
mod reuse_notice;
mod revocation;
mod secrets;
mod sessions;
mod sign_in;
mod sign_up;
mod signing_keys;
mod smuggling;
mod support;
mod token_service;
