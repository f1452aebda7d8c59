//! No legitimate user is signed out, and a copied token is of little use: shown for the functions that the server runs,
//! by random histories and by exhausting every order of events in a small world.

#![cfg(feature = "ssr")]

mod model;
mod properties;
mod world;
