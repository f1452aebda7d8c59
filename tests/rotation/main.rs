//! Nobody honest is signed out, and a copied token is worth little: shown for the very functions the server runs, by
//! random histories and by exhausting every order of events in a small world.

#![cfg(feature = "ssr")]

mod model;
mod properties;
mod world;
